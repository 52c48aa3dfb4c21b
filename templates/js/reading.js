// Pictures tell the exact number under the pointer, or under the arrow keys once they have the focus.

/**
 * An area as a grid of places, each with a text: where its columns and rows begin and end, in pixels of the picture.
 * @typedef {{x: number[], y: number[], tell: (column: number, row: number) => [string, string],
 *   line?: (column: number) => number}} Grid  line: where a place is a line rather than a rectangle.
 */

const evenEdges = (/** @type {number} */ start, /** @type {number} */ end, /** @type {number} */ count) =>
  Array.from({ length: count + 1 }, (_, i) => start + ((end - start) * i) / count);

/** @type {(area: BinsArea, data: Embedded) => Grid} */
const gridOfBins = ({ box: [left, top, right, bottom], low, high, ...area }, data) => {
  const edges = data.array(area.edges);
  const counts = data.array(area.counts);
  const labels = data.names(area.labels);
  const outside = data.array(area.outside);
  const slack = 1e-9 * (high - low);  // a picture may leave out bins at its ends
  const kept = [...edges.keys()].slice(1).filter((i) => edges[i - 1] >= low - slack && edges[i] <= high + slack);
  const first = kept[0] - 1;
  const shown = [...edges.slice(first, first + kept.length + 1)];
  const [start, end] = area.upright ? [bottom, top] : [left, right];
  const places = shown.map((edge) => start + ((end - start) * (edge - low)) / (high - low));
  /** @type {Grid["tell"]} */
  const tell = (sample, place) => {
    const bin = first + place;
    const row = data.row(counts[sample]);
    if (!row) return [labels[sample], "no finite values"];
    let total = outside[2 * sample] + outside[2 * sample + 1];
    for (const count of row) total += count;
    const range = `${numeral(edges[bin])} to ${numeral(edges[bin + 1])}`;
    return [labels[sample], `${range}: ${grouped(row[bin])} of ${grouped(total)} values, ${percentage(row[bin] / total)}`];
  };
  const samples = (/** @type {number} */ a, /** @type {number} */ b) => evenEdges(a, b, labels.length);
  if (!area.upright) return { x: places, y: samples(top, bottom), tell: (column, row) => tell(row, column) };
  return { x: samples(left, right), y: places.reverse(), tell: (column, row) => tell(column, kept.length - 1 - row) };
};

/** @type {(area: CellsArea, data: Embedded) => Grid} */
const gridOfCells = ({ box: [left, top, right, bottom], unit, ...area }, data) => {
  const [rows, columns, values] = [data.names(area.rows), data.names(area.columns), data.array(area.values)];
  return {
    x: evenEdges(left, right, columns.length),
    y: evenEdges(top, bottom, rows.length),
    tell: (column, row) => {
      const value = values[row * columns.length + column];
      const text = Number.isNaN(value) ? "no number" : `${numeral(value, 6)} ${Number.isFinite(value) ? unit : ""}`;
      return [`${rows[row]}, ${columns[column]}`, text];
    },
  };
};

/** @type {(area: LinesArea, data: Embedded) => Grid} */
const gridOfLines = ({ box: [left, top, right, bottom], share, ...area }, data) => {
  const [places, labels, names] = [data.array(area.places), data.names(area.labels), data.names(area.names)];
  const values = area.values.map(data.array);
  const between = [...places.slice(1)].map((place, i) => (place + places[i]) / 2);
  const shown = share ? percentage : (/** @type {number} */ value) => numeral(value, 6);
  return {
    x: [left, ...between, right],
    y: [top, bottom],
    line: (column) => places[column],
    tell: (column) => {
      const told = names.map((name, i) => [name, values[i][column]]).filter(([, value]) => !Number.isNaN(value));
      const texts = told.map(([name, value]) => (names.length > 1 ? `${name} ` : "") + shown(Number(value)));
      return [labels[column], texts.join("\n") || "no number"];
    },
  };
};

/** @type {(area: Area, data: Embedded) => Grid} */
const gridOf = (area, data) => {
  if (area.kind === "bins") return gridOfBins(area, data);
  return area.kind === "cells" ? gridOfCells(area, data) : gridOfLines(area, data);
};

/** The place of a number between ascending edges; the nearest place, if it lies beyond them. */
const placeOf = (/** @type {number[]} */ edges, /** @type {number} */ at) =>
  Math.max(0, Math.min(edges.length - 2, edges.findLastIndex((edge) => edge <= at)));

const clamped = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
  Math.max(low, Math.min(high, value));

/** Let a picture tell its numbers. */
const readable = (/** @type {HTMLImageElement} */ image) => {
  const figure = /** @type {HTMLElement} */ (image.closest("figure"));
  const [wide, high] = [Number(image.getAttribute("width")), Number(image.getAttribute("height"))];
  const spot = make("div", { className: "spot", hidden: true });
  const heading = make("b", {});
  const words = make("span", {});
  const tip = make("div", { className: "tip", role: "status", hidden: true }, heading, words);
  /** @type {Grid[]} */
  let grids = [];
  let at = { grid: 0, column: 0, row: 0 };
  figure.tabIndex = 0;
  figure.classList.add("readable");

  const prepare = async () => {
    if (grids.length) return;
    const data = await embedded();
    if (grids.length) return;
    grids = data.record.pictures[Number(image.dataset.reading)].map((area) => gridOf(area, data));
    at.column = (grids[0].x.length - 1) >> 1;  // where the keys begin
    figure.append(spot, tip);
  };
  const hide = () => {
    spot.hidden = tip.hidden = true;
  };
  const show = () => {
    const { x, y, tell, line } = grids[at.grid];
    const scale = image.clientWidth / wide;
    const [left, right] = line ? [line(at.column) - 1, line(at.column) + 1] : [x[at.column], x[at.column + 1]];
    const [top, bottom] = [y[at.row], y[at.row + 1]];
    const [offsetX, offsetY] = [image.offsetLeft + image.clientLeft, image.offsetTop + image.clientTop];
    Object.assign(spot.style, {
      left: `${offsetX + left * scale}px`,
      top: `${offsetY + top * scale}px`,
      width: `${Math.max(2, (right - left) * scale)}px`,
      height: `${Math.max(2, (bottom - top) * scale)}px`,
    });
    [heading.textContent, words.textContent] = tell(at.column, at.row);
    spot.hidden = tip.hidden = false;
    const middle = offsetX + ((left + right) / 2) * scale;
    const under = offsetY + bottom * scale + 6;
    const above = offsetY + top * scale - tip.offsetHeight - 6;
    Object.assign(tip.style, {
      left: `${clamped(middle - tip.offsetWidth / 2, 0, Math.max(0, figure.clientWidth - tip.offsetWidth))}px`,
      top: `${above >= 0 || line === undefined ? (above >= 0 ? above : under) : offsetY + top * scale + 4}px`,
    });
  };
  const point = async (/** @type {PointerEvent} */ { offsetX, offsetY }) => {
    await prepare();
    const [px, py] = [(offsetX / image.clientWidth) * wide, (offsetY / image.clientHeight) * high];
    const grid = grids.findIndex(({ x, y }) => px >= x[0] && px <= x[x.length - 1] && py >= y[0] && py <= y[y.length - 1]);
    if (grid < 0) return hide();
    at = { grid, column: placeOf(grids[grid].x, px), row: placeOf(grids[grid].y, py) };
    show();
  };
  const step = async (/** @type {KeyboardEvent} */ event) => {
    const moves = /** @type {Record<string, [number, number]>} */ (
      { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-Infinity, 0], End: [Infinity, 0] }
    );
    if (event.key === "Escape") return hide();
    if (event.target !== figure || !(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const hidden = tip.hidden;
    await prepare();
    if (!hidden) {
      const [right, down] = moves[event.key];
      const { x, y } = grids[at.grid];
      const [column, row] = [at.column + right, at.row + down];
      const beyond = row < 0 || row > y.length - 2 || (Number.isFinite(column) && (column < 0 || column > x.length - 2));
      if (beyond) at.grid = clamped(at.grid + right + down, 0, grids.length - 1);
      const target = grids[at.grid];
      at.column = clamped(beyond && right ? (right > 0 ? 0 : Infinity) : column, 0, target.x.length - 2);
      at.row = clamped(beyond && down ? (down > 0 ? 0 : Infinity) : row, 0, target.y.length - 2);
    }
    show();
  };
  image.addEventListener("pointermove", (event) => void point(event));
  image.addEventListener("pointerdown", (event) => void point(event));
  image.addEventListener("pointerleave", hide);
  figure.addEventListener("keydown", (event) => void step(event));
  figure.addEventListener("blur", hide);
};

if (typeof DecompressionStream === "function") {
  for (const image of all("img[data-reading]")) readable(/** @type {HTMLImageElement} */ (image));
}
