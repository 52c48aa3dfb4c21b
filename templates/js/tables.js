// The tables of the page, each with a bar above its right end for what can be done with it.

/**
 * @typedef {object} Sheet
 * @property {HTMLTableElement} table
 * @property {HTMLElement} box in which the table scrolls sideways
 * @property {HTMLElement} bar
 * @property {string} name what a choice is kept under: it lasts as long as the section has its tables in this order
 * @property {HTMLTableCellElement[]} heads
 * @property {HTMLTableRowElement[]} rows in their original order
 */

/** @type {Sheet[]} */
const sheets = all("main .scroll > table").map((element) => {
  const table = /** @type {HTMLTableElement} */ (element);
  const box = /** @type {HTMLElement} */ (table.parentElement);
  const section = /** @type {HTMLElement} */ (table.closest("section"));
  const bar = make("div", { className: "bar" });
  box.before(bar);
  const heads = [...table.tHead?.rows[0]?.cells ?? []];
  const name = `${section.id}.${all(".scroll > table", section).indexOf(table)}`;
  return { table, box, bar, name, heads, rows: [...table.tBodies[0]?.rows ?? []] };
});

/**
 * The title of a column, with its unit.
 * @param {HTMLTableCellElement} head
 */
const titleOf = (head) => all(".words, .unit", head).map((part) => part.textContent).join(", ");

/**
 * The number by which a cell is sorted; where the page does not write it, its tool tip is that number.
 * @param {HTMLTableCellElement} cell
 */
const sortOf = ({ dataset: { sort }, title, classList }) =>
  sort ?? (classList.contains("text") || !/^-?(inf|\d[\d.e+-]*)$/.test(title) ? undefined : title);

/**
 * The text that a cell shows, without its mark. A long name is in parts, between which a line may end.
 * @param {HTMLTableCellElement} cell
 */
const shownIn = (cell) => [...cell.childNodes]
  .filter((node) => !(node instanceof Element && node.matches(".mark, .heard")))
  .map((node) => node.textContent).join("").trim();

/** What the page defines, by each name of a term. */
const definitions = new Map(all("dt[id]").flatMap((term) => {
  const [whole, told] = [term.textContent, term.nextElementSibling?.textContent ?? ""];
  return [...whole.split(", "), whole].map((name) => /** @type {[string, string]} */ ([name, told]));
}));

// A thousand cards would repeat the definitions of their columns, so the page has them once.
document.addEventListener("pointerover", ({ target }) => {
  const head = target instanceof Element ? target.closest("th") : null;
  if (head && "told" in head.dataset) head.title ||= definitions.get(all(".words", head)[0].textContent) ?? "";
});
