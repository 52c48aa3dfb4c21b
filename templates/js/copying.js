// Copy a table as it is shown: its chosen columns, and the rows that a search left, in their order.

/**
 * The text of a number as a program reads it, without spaces between its digits and with a plain minus.
 * @param {string} text
 */
const plain = (text) => text.replace(/(?<=\d)\s(?=\d{3})/g, "").replace(/^\u2212/, "-");

/**
 * What a cell stands for: the unrounded number where it shows a rounded one, the whole of a shortened name.
 * @param {HTMLTableCellElement} cell
 */
const exactIn = (cell) => {
  const text = shownIn(cell);
  const sort = sortOf(cell);
  if (text === "—") return "";
  if (sort === undefined) return text.includes("…") && cell.title ? cell.title : text.replaceAll("\u202f", "");
  const number = Number(sort);
  const rounded = parseFloat(plain(text)) / (text.endsWith("%") ? 100 : 1);
  const same = cell.title.startsWith(sort) || Math.abs(rounded - number) <= 0.01 * Math.abs(number);
  return same && Number.isFinite(number) ? String(number) : plain(text);
};

/**
 * @param {Sheet} sheet
 * @param {(cell: HTMLTableCellElement) => string} read
 * @returns {string[][]} the titles of the columns, and the rows
 */
const grid = ({ table, heads }, read) => {
  const hidden = new Set((table.dataset.hidden ?? "").split(" "));
  const columns = [...heads.keys()].filter((column) => !hidden.has(String(column)));
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hasAttribute("data-missed"));
  return [columns.map((column) => titleOf(heads[column])), ...rows.map((row) => columns.map((column) => read(row.cells[column])))];
};

/** @param {string} text a spreadsheet takes what begins so for a formula, unless it is a number */
const inert = (text) => (/^[=+\-@\t\r＝＋－＠]/.test(text) && !Number.isFinite(Number(text)) ? `'${text}` : text);

/** @type {Record<string, (sheet: Sheet) => string>} */
const COPIES = {
  CSV: (sheet) => grid(sheet, exactIn)
    .map((row) => row.map(inert).map((text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",")).join("\n"),
  Markdown: (sheet) => {
    const [titles, ...rows] = grid(sheet, shownIn).map((row) => row.map((text) => text.replace(/[\\|`*_<]/g, "\\$&")));
    const rule = titles.map((_, at) => (rows.some((row) => /^[\d\u2212+]/.test(row[at])) && at ? "---:" : ":---"));
    return [titles, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
  },
};

/**
 * Put a text on the clipboard. A page that did not come by a secure connection may only copy what is selected.
 * @param {string} text
 */
const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { value: text, className: "heard" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
};

for (const sheet of sheets) {
  if (sheet.rows.length < 2) continue;
  const said = make("output", { className: "said" });
  const [button, list] = menu("Copy", `Copy “${sheet.table.caption?.textContent.trim()}”`, () =>
    Object.entries(COPIES).map(([kind, text]) => {
      const item = make("button", { type: "button", className: "quiet" }, kind);
      item.addEventListener("click", async () => {
        list.hidePopover();
        const done = await copy(text(sheet));
        button.focus();
        said.textContent = done ? `copied as ${kind}` : "this browser does not let the page copy";
        setTimeout(() => { said.textContent = ""; }, 4000);
      });
      return item;
    }));
  sheet.bar.prepend(said);
  sheet.bar.append(button, list);
}
