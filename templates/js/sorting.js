// Sort a table. Clicks on a header sort one way, then the other way, then restore the original order.
const INFINITE = new Map([["inf", Infinity], ["-inf", -Infinity]]);
const collator = new Intl.Collator(undefined, { numeric: true });

/**
 * @param {string | number} a
 * @param {string | number} b
 */
const order = (a, b) => (typeof a === "number" && typeof b === "number" ? Number(a > b) - Number(a < b) : collator.compare(String(a), String(b)));

/**
 * @param {Sheet} sheet
 * @param {number} column
 * @param {number} direction 1, -1, or 0 for the original order
 */
const sortRows = ({ table, rows }, column, direction) => {
  const numeric = rows.some((row) => sortOf(row.cells[column]) !== undefined);
  /** @param {HTMLTableCellElement} cell */
  const key = (cell) => {
    const sort = sortOf(cell) ?? "";
    return numeric ? INFINITE.get(sort) ?? parseFloat(sort) : shownIn(cell);
  };
  /** @type {[string | number, HTMLTableRowElement][]} */
  const known = [];
  /** @type {typeof known} */
  const unknown = [];  // rows without a number come last in both directions
  for (const row of rows) {
    const value = key(row.cells[column]);
    (Number.isNaN(value) ? unknown : known).push([value, row]);
  }
  if (direction) known.sort(([a], [b]) => direction * order(a, b));
  table.tBodies[0].append(...(direction ? [...known, ...unknown].map(([, row]) => row) : rows));
};

for (const sheet of sheets) {
  if (sheet.rows.length < 2) continue;
  const kept = `${sheet.name}.sort`;
  /**
   * @param {number} column
   * @param {string} way ascending, descending, or none
   */
  const sort = (column, way) => {
    for (const head of sheet.heads) head.removeAttribute("aria-sort");
    if (way !== "none") sheet.heads[column].ariaSort = way;
    sortRows(sheet, column, { ascending: 1, descending: -1 }[way] ?? 0);
  };
  sheet.heads.forEach((head, column) => {
    const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
    button.addEventListener("click", () => {
      const cycle = head.className ? ["none", "ascending", "descending"] : ["none", "descending", "ascending"];  // columns of numbers begin with the largest
      const way = cycle[(cycle.indexOf(head.ariaSort ?? "none") + 1) % 3];
      sort(column, way);
      choose(kept, way === "none" ? "" : `${column}-${way}`);
    });
    head.append(button);
  });
  const [column, way] = chosen(kept).split("-");
  if (way in { ascending: 1, descending: 1 } && sheet.heads[Number(column)]) sort(Number(column), way);
}
