"""Check a page with axe-core, which npm installs in this folder (``make axe``) at the version that its lock names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


OF_EACH_LOOK = 3
"""Of the texts on a page that look alike so many have their contrast computed, which takes axe 3 ms for each."""

MARK = """
const numbers = new Map(), looks = new Map(), counts = new Map();
const look = (element) => {
  if (!element) return 0;
  if (!looks.has(element)) {
    const s = getComputedStyle(element);
    const own = [look(element.parentElement), s.color, s.backgroundColor, s.backgroundImage, s.fontSize, s.fontWeight,
      s.textDecorationLine, s.textShadow, s.opacity, s.filter, s.position, s.clipPath].join("|");
    if (!numbers.has(own)) numbers.set(own, numbers.size + 1);
    looks.set(element, numbers.get(own));
  }
  return looks.get(element);
};
for (const element of document.body.querySelectorAll("*")) {
  const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const seen = text && element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const count = seen ? (counts.get(look(element)) ?? 0) + 1 : Infinity;
  if (seen) counts.set(look(element), count);
  element.toggleAttribute("data-coloured", count <= MOST);
}
"""
"""Marks the first texts of each look: of colours, backgrounds and letters of their own and of all that is around them.

These are what the rules of colours go by."""


_MARKED = ":is([data-coloured], [data-coloured] *)"
OF_MARKED = f"""
axe.configure({{ rules: [
  {{ id: "{OF_COLOURS[0]}", selector: "{_MARKED}" }},
  {{ id: "{OF_COLOURS[1]}", selector: ":is(a[href], [role=link]){_MARKED}" }},
] }});
"""
"""Has the rules of colours look at what is marked. To have a context of its own for them would take a second run, and
axe lays out a page in its memory for each."""


def violations(driver: Chrome, script: str, *, everything: bool = True) -> list[str]:
    """What axe finds wrong with the page that is open: rule, the first element, and why.

    Args:
        driver: the browser.
        script: see :func:`script`.
        everything: all rules; if not, those that other colours can break.
    """
    # The policy of a page refuses scripts of others, and does not bind the debugger.
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": script + OF_MARKED})
    driver.execute_script(MARK.replace("MOST", str(OF_EACH_LOOK)))
    return _run(driver, {"include": [["html"]]}, {"runOnly": list(RULES if everything else OF_COLOURS)})


def _run(driver: Chrome, context: dict[str, Any], options: dict[str, Any]) -> list[str]:
    run = f"axe.run({json.dumps(context)}, {json.dumps(options | {'resultTypes': ['violations']})})"
    told = "(v => `${v.id} × ${v.nodes.length}: ${v.nodes[0].html.slice(0, 200)} ${v.nodes[0].failureSummary}`)"
    answer = driver.execute_cdp_cmd(
        "Runtime.evaluate",
        {"expression": f"{run}.then(r => r.violations.map{told})", "awaitPromise": True, "returnByValue": True},
    )
    found: list[str] = answer["result"]["value"]
    return found
