"""`make audit`: run Lighthouse on the live page, three times for phone and for desktop.

It fails if accessibility, best practices or SEO are below 100 in any run, or if the
median of the performance is below 90. The reports are in `.cache/audit`.
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
PERFORMANCE = 90  # the median of the runs; it depends on the load of the machine
PERFECT = ("accessibility", "best-practices", "seo")
FORMS: dict[str, list[str]] = {"phone": [], "desktop": ["--preset=desktop"]}
REPORTS = ROOT / ".cache/audit"
LIGHTHOUSE = ROOT / "node_modules/lighthouse/cli/index.js"
SECONDS = 180  # for one run


def main() -> None:
    """Audit the page; exit with 1 if a score is too low."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    shortcomings: list[str] = []
    with Board(SEED="7") as board:
        for form, options in FORMS.items():
            reports = [
                run_lighthouse(board.url, REPORTS / f"{form}-{run}", options)
                for run in range(1, RUNS + 1)
            ]
            scores = {name: points(reports, name) for name in reports[0]["categories"]}
            print(f"{form:8}", *(f"{name} {found}" for name, found in scores.items()))
            shortcomings += [
                f"{form}: {each}" for each in find_shortcomings(scores, reports)
            ]
    print(f"The reports are in {REPORTS.relative_to(ROOT)}.")
    if shortcomings:
        sys.exit("\n".join(shortcomings))


def run_lighthouse(url: str, path: Path, options: list[str]) -> dict[str, Any]:
    """Run Lighthouse once; return its report, and keep it as JSON and HTML."""
    flags = "--headless=new" + (" --no-sandbox" if os.geteuid() == 0 else "")
    output = ["--output=json", "--output=html", f"--output-path={path}"]
    options = [*output, f"--chrome-flags={flags}", "--quiet", *options]
    subprocess.run(
        ["node", str(LIGHTHOUSE), url, *options],
        env=os.environ | {"CHROME_PATH": find_chromium()},
        check=True,
        timeout=SECONDS,
    )
    report: dict[str, Any] = json.loads(Path(f"{path}.report.json").read_text())
    return report


def find_chromium() -> str:
    """Return the path of the system's Chromium, or else of Playwright's own."""
    found = shutil.which("chromium")
    if found:
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def points(reports: list[dict[str, Any]], category: str) -> list[int]:
    """Return a category's points out of 100, run by run."""
    scores = [report["categories"][category]["score"] for report in reports]
    return [round((score or 0) * 100) for score in scores]


def find_shortcomings(
    scores: dict[str, list[int]], reports: list[dict[str, Any]]
) -> list[str]:
    """Return the scores that are too low, with the titles of failed audits."""
    found = [
        f"{name} is {min(scores[name])}, not 100: {', '.join(failures(reports, name))}"
        for name in PERFECT
        if min(scores[name]) < 100
    ]
    median = statistics.median(scores["performance"])
    if median < PERFORMANCE:
        found.append(f"performance is {median}, below {PERFORMANCE}")
    return found


def failures(reports: list[dict[str, Any]], category: str) -> set[str]:
    """Return the titles of a category's audits that failed in any run."""
    return {
        report["audits"][ref["id"]]["title"]
        for report in reports
        for ref in report["categories"][category]["auditRefs"]
        if ref["weight"] and (report["audits"][ref["id"]]["score"] or 0) < 1
    }


if __name__ == "__main__":
    main()
