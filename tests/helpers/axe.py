"""What axe-core finds on a page: breaches of WCAG and of good practice."""

import json
from typing import Any, Protocol

from tests.helpers.harness import ROOT

AXE = ROOT / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FIND = f"""async () => {{
  const alike = ["tbody tr:nth-child(n + 9)", ".match:nth-child(n + 9)"];
  const options = {{ runOnly: {json.dumps(RULES)} }};
  const {{ violations }} = await axe.run({{ exclude: alike }}, options);
  return violations.flatMap(({{ id, nodes }}) =>
    nodes.map((it) => `${{id}}: ${{it.target}}: ${{it.failureSummary}}`),
  );
}}"""


class Evaluating(Protocol):
    """A page in a browser: a `Tab`, or a page of Playwright."""

    def evaluate(self, function: str, /) -> Any:
        """Call a JavaScript function."""


def load_axe(page: Evaluating) -> None:
    """Load axe-core into a page, so that `violations` can use it."""
    page.evaluate(f"() => {{ {AXE.read_text()} }}")


def violations(page: Evaluating) -> list[str]:
    """Return what is wrong, and where."""
    found: list[str] = page.evaluate(FIND)
    return found
