"""`make audit`: Lighthouse on the live page, three times on a phone and on a desktop.

It fails where accessibility, best practices or search engines' view are below 100 in
any run, or the median of the performance below 90. The reports are in `.cache/audit`.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.helpers.harness import ROOT, Board

RUNS = 3
PERFORMANCE = 90  # the median of the runs, which depends on what else a machine does
PERFECT = ("accessibility", "best-practices", "seo")
FORMS: dict[str, list[str]] = {"phone": [], "desktop": ["--preset=desktop"]}
REPORTS = ROOT / ".cache/audit"
LIGHTHOUSE = ROOT / "node_modules/lighthouse/cli/index.js"
SECONDS = 180  # for one run


def main() -> None:
    """Audit the page; exit with 1 where it falls short."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    shortcomings: list[str] = []
    with Board(SEED="7") as board:
        for form, options in FORMS.items():
            reports = [
                audited(board.url, REPORTS / f"{form}-{run}", options)
                for run in range(1, RUNS + 1)
            ]
            scores = {name: points(reports, name) for name in reports[0]["categories"]}
            print(f"{form:8}", *(f"{name} {found}" for name, found in scores.items()))
            shortcomings += [f"{form}: {each}" for each in short(scores, reports)]
    print(f"The reports are in {REPORTS.relative_to(ROOT)}.")
    if shortcomings:
        sys.exit("\n".join(shortcomings))


def audited(url: str, path: Path, options: list[str]) -> dict[str, Any]:
    """Run Lighthouse once; return its report, which stays there as HTML too."""
    flags = "--headless=new" + (" --no-sandbox" if os.geteuid() == 0 else "")
    output = ["--output=json", "--output=html", f"--output-path={path}"]
    options = [*output, f"--chrome-flags={flags}", "--quiet", *options]
    subprocess.run(
        ["node", str(LIGHTHOUSE), url, *options],
        env=os.environ | {"CHROME_PATH": chromium()},
        check=True,
        timeout=SECONDS,
    )
    report: dict[str, Any] = json.loads(Path(f"{path}.report.json").read_text())
    return report


def chromium() -> str:
    """Return the system's browser, else the one Playwright brings."""
    found = shutil.which("chromium")
    if found:
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def points(reports: list[dict[str, Any]], category: str) -> list[int]:
    """Return a category's points of 100, run by run."""
    scores = [report["categories"][category]["score"] for report in reports]
    return [round((score or 0) * 100) for score in scores]


def short(scores: dict[str, list[int]], reports: list[dict[str, Any]]) -> list[str]:
    """Return what falls short, with what Lighthouse says about it."""
    found = [
        f"{name} is {min(scores[name])}, not 100: {', '.join(failed(reports, name))}"
        for name in PERFECT
        if min(scores[name]) < 100
    ]
    median = statistics.median(scores["performance"])
    if median < PERFORMANCE:
        found.append(f"performance is {median}, below {PERFORMANCE}")
    return found


def failed(reports: list[dict[str, Any]], category: str) -> set[str]:
    """Return the titles of a category's audits that did not pass in each run."""
    return {
        report["audits"][ref["id"]]["title"]
        for report in reports
        for ref in report["categories"][category]["auditRefs"]
        if ref["weight"] and (report["audits"][ref["id"]]["score"] or 0) < 1
    }


if __name__ == "__main__":
    main()
