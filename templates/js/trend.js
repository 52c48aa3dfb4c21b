// The table of layers by checkpoint: any statistic, with a background that tells how far it is from the first column.

const SHADES = [0.01, 0.03, 0.1, 0.3, 1];  // changes at which a background becomes stronger
const HELD_AGAINST = { first: "in percent of it", std: "in standard deviations", unit: "as a difference" };

/** The class of a change: how strong its background is, and which way it went. */
const shadeOf = (/** @type {number} */ change) => {
  const strength = SHADES.filter((least) => Math.abs(change) >= least).length;
  return strength ? `${change > 0 ? "up" : "down"}${strength}` : "";
};

/** What the changes of a statistic of a layer are held against; 0 where that is not known. */
const referenceOf = (
  /** @type {Statistic} */ { reference, values }, /** @type {number} */ first, /** @type {Statistic[]} */ statistics,
  /** @type {Embedded} */ data,
) => {
  if (reference === "unit") return 1;
  const of = reference === "std" ? statistics.find(({ name }) => name === "std")?.values ?? values : values;
  const size = Math.abs(data.array(of)[first]);
  return Number.isFinite(size) ? size : 0;
};

/** Let the reader choose the statistic of a table, and colour it. */
const fillCourses = async (/** @type {HTMLElement} */ box) => {
  const data = await embedded();
  const { statistics, ...series } = data.record.series[box.dataset.series ?? ""];
  const columns = (box.dataset.columns ?? "").split(" ").map(Number);
  const count = data.names(series.labels).length;
  const table = /** @type {HTMLTableElement} */ (box.querySelector("table"));
  const rows = coursesRows.get(table) ?? [];
  const caption = /** @type {HTMLElement} */ (table.querySelector("caption span"));
  const legend = make("p", { className: "note shades" });
  const menu = make("select", {}, ...statistics.map(({ title, name }) => make("option", { value: name }, title)));
  const fill = () => {
    const statistic = statistics[menu.selectedIndex];
    const values = data.array(statistic.values);
    const shown = statistic.share ? percentage : numeral;
    rows.forEach((row, layer) => {
      const start = columns.find((place) => Number.isFinite(values[layer * count + place])) ?? columns[0];
      const first = layer * count + start;
      const reference = referenceOf(statistic, first, statistics, data);
      columns.forEach((place, i) => {
        const cell = row.cells[i + 1];
        const value = values[layer * count + place];
        const text = cell.lastChild;
        if (text instanceof Text && cell.childNodes.length === 1) text.data = shown(value);
        else cell.textContent = shown(value);
        cell.className = value === Infinity ? "fail" : shadeOf(reference ? (value - values[first]) / reference : 0);
        if (Number.isFinite(value)) cell.dataset.sort = String(value);
        else delete cell.dataset.sort;
      });
    });
    caption.textContent = `${statistic.title} of every layer, by step`;
    const percent = statistic.share || statistic.reference === "first";
    const keys = (/** @type {string} */ way, /** @type {string} */ sign) => SHADES.map((least, i) =>
      make("span", { className: `shade ${way}${i + 1}` }, sign + (percent ? `${100 * least} %` : least)));
    const how = statistic.share ? "in percentage points" : HELD_AGAINST[statistic.reference];
    legend.replaceChildren(`Background: change since the first column, ${how}, at least `, ...keys("up", "+"), ...keys("down", "−"));
  };
  menu.addEventListener("change", fill);
  box.before(make("p", { className: "controls" }, make("label", {}, "Statistic ", menu)));
  box.after(legend);
  fill();
};

/** The rows of each table in the order of the layers, before anyone sorts them. */
const coursesRows = new Map(all(".courses table").map((table) => [
  /** @type {HTMLTableElement} */ (table), [.../** @type {HTMLTableElement} */ (table).tBodies[0].rows],
]));
if (typeof DecompressionStream === "function") {
  for (const box of all(".courses[data-series]")) whenNear(box, () => void fillCourses(box));
}
