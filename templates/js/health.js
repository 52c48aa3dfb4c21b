// A health map is one stop of the Tab key. Arrows lead from cell to cell, and a line below says what a cell stands for.
for (const map of all(".health")) {
  const rows = all("[role=row]", map).map((row) => all("a", row)).filter((row) => row.length);
  const line = all(".pointed", map.parentElement ?? map)[0];
  /** @param {HTMLElement} cell */
  const enter = (cell) => {
    all("a[tabindex='0']", map).forEach((other) => { other.tabIndex = -1; });
    cell.tabIndex = 0;
  };
  /** @param {Event} event */
  const tell = ({ target }) => {
    const said = target instanceof Element ? target.closest("[aria-label]") : null;
    line.textContent = said && said !== map ? said.getAttribute("aria-label") ?? "" : "";
  };
  rows.flat().forEach((cell) => { cell.tabIndex = -1; });
  if (rows.length) enter(rows[0][0]);
  line.hidden = false;
  map.addEventListener("focusin", (event) => {
    if (event.target instanceof HTMLAnchorElement) enter(event.target);
    tell(event);
  });
  map.addEventListener("pointerover", tell);
  map.addEventListener("keydown", (event) => {
    const cell = document.activeElement;
    if (!(cell instanceof HTMLElement)) return;
    const at = rows.findIndex((row) => row.includes(cell));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = rows[at].indexOf(cell);
    const last = rows[at].length - 1;
    const aim = {
      ArrowLeft: [at, place - 1], ArrowRight: [at, place + 1], Home: [at, 0], End: [at, last],
      ArrowUp: [at - 1, place], ArrowDown: [at + 1, place], PageUp: [0, place], PageDown: [rows.length - 1, place],
    }[event.key];
    if (!aim) return;
    event.preventDefault();
    rows[aim[0]]?.[Math.min(aim[1], rows[aim[0]].length - 1)]?.focus();
  });
}
