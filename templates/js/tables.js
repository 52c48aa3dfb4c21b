// Sort a table. Clicks on a header sort one way, then the other way, then restore the original order.
const INFINITE = { inf: Infinity, "-inf": -Infinity };
const collator = new Intl.Collator(undefined, { numeric: true });
const compare = (a, b) => (typeof a === "string" ? collator.compare(a, b) : a < b ? -1 : a > b ? 1 : 0);
const sortTable = (table, column, direction, original) => {
  const numeric = original.some((row) => row.cells[column].dataset.sort !== undefined);
  const key = ({ dataset, lastChild }) =>  // the last child is the text; a mark may come before it
    numeric ? INFINITE[dataset.sort] ?? parseFloat(dataset.sort) : lastChild?.textContent ?? "";
  const known = [];
  const unknown = [];  // rows without a number come last in both directions
  for (const row of original) {
    const value = key(row.cells[column]);
    (Number.isNaN(value) ? unknown : known).push([value, row]);
  }
  if (direction) known.sort(([a], [b]) => direction * compare(a, b));
  table.tBodies[0].append(...(direction ? [...known, ...unknown].map(([, row]) => row) : original));
};
for (const table of all("table")) {
  const original = [...table.tBodies[0].rows];
  if (original.length < 2) continue;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
    button.addEventListener("click", () => {
      const cycle = head.className ? ["ascending", "descending"] : ["descending", "ascending"];  // columns of numbers begin with the largest
      const next = { none: cycle[0], [cycle[0]]: cycle[1], [cycle[1]]: "none" }[head.ariaSort ?? "none"];
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (next !== "none") head.ariaSort = next;
      sortTable(table, column, { ascending: 1, descending: -1, none: 0 }[next], original);
    });
    head.append(button);
  });
}

// Mark tables that go on beyond their right edge.
const cut = (box) => box.toggleAttribute("data-cut", box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
const sizes = new ResizeObserver((changes) => changes.forEach(({ target }) => cut(target)));
for (const box of all(".scroll")) {
  sizes.observe(box);
  box.addEventListener("scroll", () => cut(box), { passive: true });
}
