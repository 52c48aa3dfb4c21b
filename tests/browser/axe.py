"""Check a page with axe-core, which npm installs in this folder (``make axe``) at the version that its lock names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

SCRIPT = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""Tags of the rules that are checked: WCAG 2.2 at level AA, and what axe advises beside it."""

OF_COLOURS = ("color-contrast", "link-in-text-block")
"""Those among them that other colours can break."""


def script() -> str:
    """The text of axe-core, for :func:`violations`; the test is skipped where it is not installed."""
    if not SCRIPT.is_file():
        pytest.skip("axe-core is not installed: `make axe` has npm fetch it")
    return SCRIPT.read_text(encoding="utf-8")


def violations(driver: Chrome, script: str, rules: Sequence[str] = RULES) -> list[str]:
    """What axe finds wrong with the page that is open: rule, the first element, and why."""
    # The policy of a page refuses scripts of others, and does not bind the debugger.
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": script})
    run = f"axe.run(document, {{runOnly: {json.dumps(rules)}, resultTypes: ['violations']}})"
    told = "(v => `${v.id} × ${v.nodes.length}: ${v.nodes[0].html.slice(0, 200)} ${v.nodes[0].failureSummary}`)"
    answer = driver.execute_cdp_cmd(
        "Runtime.evaluate",
        {"expression": f"{run}.then(r => r.violations.map{told})", "awaitPromise": True, "returnByValue": True},
    )
    found: list[str] = answer["result"]["value"]
    return found
