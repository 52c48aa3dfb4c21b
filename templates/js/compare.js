// Any two checkpoints of a series, A and B, layer by layer: what moved most comes first.

const MOST_ROWS = 50;  // the reader asks for more
const AT_ONCE = 25;  // rows that are written without a pause, so that hundreds of them hold up nobody

/**
 * The counts of one layer at one checkpoint; the first and the last one are of the values outside the edges.
 * @typedef {{ counts: Numbers, below: number, above: number, total: number }} Sample
 */

/** The count of a sample in a bin; bin 0 and the last one are open, to values outside the edges. */
const countIn = (/** @type {Sample} */ { counts, below, above }, /** @type {number} */ bin) =>
  (bin === 0 ? below : bin > counts.length ? above : counts[bin - 1]);

/** The Jensen-Shannon distance of two histograms on the same edges, base 2, as reporter/compare/shift.py has it. */
const jensenShannon = (/** @type {Sample} */ a, /** @type {Sample} */ b) => {
  let sum = 0;
  for (let bin = 0; bin < a.counts.length + 2; bin += 1) {
    const p = countIn(a, bin) / a.total;
    const q = countIn(b, bin) / b.total;
    if (p) sum += p * Math.log2((2 * p) / (p + q));
    if (q) sum += q * Math.log2((2 * q) / (p + q));
  }
  return Math.sqrt(Math.max(0, sum / 2));
};

/** Their population stability index; a bin that is empty in one of them counts as half a value. */
const stability = (/** @type {Sample} */ a, /** @type {Sample} */ b) => {
  let [allA, allB, sum] = [0, 0, 0];
  const used = (/** @type {number} */ bin) => countIn(a, bin) + countIn(b, bin) > 0;
  for (let bin = 0; bin < a.counts.length + 2; bin += 1) {
    if (!used(bin)) continue;
    allA += Math.max(countIn(a, bin), 0.5);
    allB += Math.max(countIn(b, bin), 0.5);
  }
  for (let bin = 0; bin < a.counts.length + 2; bin += 1) {
    const [p, q] = [Math.max(countIn(a, bin), 0.5) / allA, Math.max(countIn(b, bin), 0.5) / allB];
    if (used(bin)) sum += (p - q) * Math.log(p / q);
  }
  return sum;
};

/**
 * Their Wasserstein-1 distance ∫ |F − G|, and its largest error. Values are taken to be spread evenly over their bin,
 * which moves each by half a bin at most; those outside the edges reach to the extremes.
 */
const wasserstein = (
  /** @type {Numbers} */ edges, /** @type {Sample} */ a, /** @type {Sample} */ b,
  /** @type {number} */ lowest, /** @type {number} */ highest,
) => {
  let [distance, error, before] = [0, 0, 0];  // before: F − G at the left edge of a bin
  const last = a.counts.length + 1;
  for (let bin = 0; bin <= last; bin += 1) {
    const p = countIn(a, bin) / a.total;
    const q = countIn(b, bin) / b.total;
    const left = bin === 0 ? Math.min(lowest, edges[0]) : edges[bin - 1];
    const right = bin === last ? Math.max(highest, edges[bin - 1]) : edges[bin];
    const after = before + p - q;
    const [x, y] = [Math.abs(before), Math.abs(after)];
    if (x + y > 0) distance += (right - left) * (before * after < 0 ? (x * x + y * y) / (2 * (x + y)) : (x + y) / 2);
    error += ((p + q) * (right - left)) / 2;
    before = after;
  }
  return { distance, error };
};

/** A number that is known to within an error. */
const withError = (/** @type {number} */ value, /** @type {number} */ error) => {
  if (!Number.isFinite(value)) return "—";
  if (value === 0 || error < value / 1000) return numeral(value, 3);
  return error < value ? `${numeral(value, 3)} ± ${numeral(error, 1)}` : `≤ ${numeral(value + error, 3)}`;
};

const [THUMB_WIDE, THUMB_HIGH] = [150, 30];

/** The outline of a histogram as the path of an SVG, over bins from `first` to `last`; its fullest bin reaches the top. */
const outlineOf = (/** @type {Numbers} */ counts, /** @type {number} */ first, /** @type {number} */ last) => {
  const step = THUMB_WIDE / (last - first + 1);
  let [most, path] = [1, `M0 ${THUMB_HIGH}`];
  for (let bin = first; bin <= last; bin += 1) most = Math.max(most, counts[bin]);
  for (let bin = first; bin <= last; bin += 1) {
    path += `V${Math.round(10 * (THUMB_HIGH - (counts[bin] / most) * (THUMB_HIGH - 2))) / 10}`;
    path += `H${Math.round(10 * (bin - first + 1) * step) / 10}`;
  }
  return `${path}V${THUMB_HIGH}`;
};

const signed = (/** @type {number} */ value, /** @type {(value: number) => string} */ shown) =>
  (value > 0 ? "+" : "") + shown(value);

/** One row of the table, whose texts are written anew for every pair. */
class ComparedRow {
  constructor() {
    this.name = make("a", {});
    const head = make("th", { scope: "row", className: "text" }, this.name);
    // Parsed as markup, as the name of the namespace of SVG would be an address on a page that must name none.
    const cell = make("td", { className: "pair", innerHTML: `<svg viewBox="0 0 ${THUMB_WIDE} ${THUMB_HIGH}" `
      + 'preserveAspectRatio="none" role="img"><path class="after"/><path class="before"/>' });
    this.drawing = /** @type {SVGSVGElement} */ (cell.firstElementChild);
    const [after, before] = this.drawing.children;
    this.paths = { before, after };
    this.absent = make("span", { className: "absent" });
    this.texts = Array.from({ length: 6 }, () => document.createTextNode(""));
    this.cells = this.texts.map((text) => make("td", {}, text));
    this.element = make("tr", {}, head, cell, ...this.cells);
    cell.append(this.absent);
  }

  /** The name of the layer, a link where the page has its card. @param {string} text @param {string} card */
  call(text, card) {
    this.name.textContent = text;
    if (document.getElementById(card)) this.name.href = `#${card}`;
    else this.name.removeAttribute("href");
  }

  /** @param {number} column @param {string} text */
  write(column, text) {
    this.texts[column].data = text;
    this.cells[column].className = text === "NaN/Inf" ? "fail" : "";
  }
}

/** The whole view of one series. */
const compareSeries = async (/** @type {HTMLElement} */ box) => {
  const data = await embedded();
  const slug = box.dataset.series ?? "";
  const series = data.record.series[slug];
  const [labels, names, layers, cards] = [series.labels, series.names, series.layers, series.cards].map(data.names);
  const [rowsOf, outside] = [data.array(series.counts), data.array(series.outside)];
  const count = labels.length;
  const courses = Object.fromEntries(series.statistics.map((of) => [of.name, data.array(of.values)]));
  const choice = (/** @type {string[]} */ of) => of.map((text, i) => make("option", { value: String(i) }, text));
  const places = labels.map((label, i) => (names[i] === label ? label : `${label} · ${names[i]}`));
  const [a, b] = [make("select", {}, ...choice(places)), make("select", {}, ...choice(places))];
  const by = make("select", {}, ...choice(series.statistics.map(({ title }) => title)));
  const presets = series.presets.map(([title, before, after]) => {
    const button = make("button", { type: "button", className: "chip" }, title);
    button.addEventListener("click", () => {
      [a.selectedIndex, b.selectedIndex] = [before, after];
      changed();
    });
    return button;
  });
  const said = make("p", { className: "note", role: "status" });
  const heads = ["Layer", "Distribution", "Relative update", "A", "B", "Change", "JS distance", "W1 / σ"].map((title, i) =>
    make("th", { scope: "col", className: i < 2 ? "text" : "" }, title));
  const body = make("tbody", {});
  const table = make("table", { className: "compared" },
    make("caption", {}, make("span", {}, "Layers, what moved most first")), make("thead", {}, make("tr", {}, ...heads)), body);
  const more = make("button", { type: "button", className: "chip" });
  /** @type {ComparedRow[]} */
  const rows = [];
  let most = MOST_ROWS;

  /** @type {(layer: number, place: number) => Sample | undefined} */
  const sample = (layer, place) => {
    const at = layer * count + place;
    const counts = data.row(rowsOf[at]);
    if (!counts) return undefined;
    const [below, above] = [outside[2 * at], outside[2 * at + 1]];
    let total = below + above;
    for (let bin = 0; bin < counts.length; bin += 1) total += counts[bin];
    return { counts, below, above, total };
  };

  const compared = () => {
    const [before, after] = [a.selectedIndex, b.selectedIndex];
    const known = series.changes.find((change) => change.before === before && change.after === after);
    const updates = known && data.array(known.updates);
    const found = layers.map((name, layer) => {
      const [from, to] = [layer * count + before, layer * count + after];
      const [normA, normB] = [courses.l2_norm[from], courses.l2_norm[to]];
      const least = normA > 0 && Number.isFinite(normA) ? Math.abs(normB - normA) / normA : NaN;
      const [one, other] = [sample(layer, before), sample(layer, after)];
      const bad = normA === Infinity || normB === Infinity;
      const update = updates ? updates[layer] : NaN;
      const js = one && other && !bad ? jensenShannon(one, other) : NaN;
      const rank = bad ? Infinity : updates ? update : Number.isNaN(js) ? least : js;
      return { name, layer, from, to, update, least, js, one, other, rank: Number.isNaN(rank) ? -1 : rank };
    });
    found.sort((x, y) => (x.rank === y.rank ? x.layer - y.layer : y.rank - x.rank));
    return { found, known };
  };

  const draw = () => {
    const { found, known } = compared();
    const shown = found.slice(0, most);
    while (rows.length < shown.length) {
      const row = new ComparedRow();
      rows.push(row);
      body.append(row.element);
    }
    rows.forEach(({ element }, i) => element.toggleAttribute("hidden", i >= shown.length));
    clearTimeout(writing);
    writeFrom(0, shown, known);
    const title = series.statistics[by.selectedIndex].title;
    const [labelA, labelB] = [labels[a.selectedIndex], labels[b.selectedIndex]];
    [heads[3].textContent, heads[4].textContent] = [`${title}, A`, `${title}, B`];
    heads[1].replaceChildren(make("span", { className: "key before" }, "A"), " ", make("span", { className: "key after" }, "B"));
    const same = a.selectedIndex === b.selectedIndex;
    const how = known ? (known.exact ? "compared value by value" : "estimated from fingerprints of the weights, ± 2.2 %") :
      "not compared value by value: ≥ is what the norms prove, and the layers are ranked by the distance of their histograms";
    said.textContent = same ? "A and B are the same checkpoint." : `A: ${labelA}, B: ${labelB}; ${how}.`;
    more.hidden = found.length <= shown.length;
    more.textContent = `Show all ${grouped(found.length)} layers`;
    presets.forEach((button, i) => {
      const [, before, after] = series.presets[i];
      button.ariaPressed = String(before === a.selectedIndex && after === b.selectedIndex);
    });
  };

  let writing = 0;

  /**
   * Write the first rows now, and the others soon, so many at once.
   * @type {(start: number, shown: Compared[], known: KnownChange | undefined) => void}
   */
  const writeFrom = (start, shown, known) => {
    const end = start + AT_ONCE;
    shown.slice(start, end).forEach((one, i) => write(rows[start + i], one, known));
    if (end < shown.length) writing = setTimeout(() => writeFrom(end, shown, known));
  };

  /** @typedef {ReturnType<typeof compared>["found"][number]} Compared */
  /** @type {(row: ComparedRow, one: Compared, known: KnownChange | undefined) => void} */
  const write = (row, { name, layer, from, to, update, least, js, one, other }, known) => {
    const { values, share } = series.statistics[by.selectedIndex];
    const shown = share ? percentage : numeral;
    const [old, now] = [data.array(values)[from], data.array(values)[to]];
    let shift = "—";
    if (one && other && !Number.isNaN(js)) {
      const [lowest, highest] = [Math.min(courses.min[from], courses.min[to]), Math.max(courses.max[from], courses.max[to])];
      const { distance, error } = wasserstein(data.array(series.edges[layer]), one, other, lowest, highest);
      const least = Math.abs(courses.mean[to] - courses.mean[from]);  // which it is never below
      shift = withError(Math.max(distance, least) / courses.std[from], error / courses.std[from]);
    }
    row.call(name, cards[layer]);
    const estimated = known && !known.exact && update > 0 ? " ± 2.2 %" : "";
    const texts = [
      known ? numeral(update) + estimated : Number.isNaN(least) ? "—" : `≥ ${numeral(least, 3)}`,
      shown(old), shown(now), Number.isFinite(now - old) ? signed(now - old, shown) : "—", numeral(js, 3), shift,
    ];
    texts.forEach((text, i) => row.write(i, text));
    row.cells[4].title = one && other && !Number.isNaN(js) ? `PSI ${numeral(stability(one, other), 3)}, over the same bins` : "";
    thumbnail(row, layer, one, other);
  };

  /** @type {(row: ComparedRow, layer: number, one: Sample | undefined, other: Sample | undefined) => void} */
  const thumbnail = (row, layer, one, other) => {
    const drawn = [one, other].flatMap((of) => (of ? [of.counts] : []));
    const holds = (/** @type {number} */ bin) => drawn.some((counts) => counts[bin] > 0);
    let [first, last] = [0, drawn.length ? drawn[0].length - 1 : 0];
    while (first < last && !holds(first)) first += 1;
    while (last > first && !holds(last)) last -= 1;
    row.paths.before.setAttribute("d", one ? outlineOf(one.counts, first, last) : "");
    row.paths.after.setAttribute("d", other ? outlineOf(other.counts, first, last) : "");
    row.drawing.toggleAttribute("hidden", !drawn.length);
    row.absent.textContent = [one, other].map((of, i) => (of ? "" : `no finite value in ${i ? "B" : "A"}`)).filter(Boolean).join(", ");
    const edges = drawn.length ? data.array(series.edges[layer]) : [];
    const range = drawn.length ? `${numeral(edges[first], 3)} to ${numeral(edges[last + 1], 3)}; each as high as its fullest bin` : "";
    row.drawing.setAttribute("aria-label", `Histograms of A and B: ${range}`);
    row.element.cells[1].title = range;
  };

  const key = `compare-${slug}`;
  const changed = () => {
    draw();
    choose(key, [labels[a.selectedIndex], labels[b.selectedIndex], series.statistics[by.selectedIndex].name].join("~"));
  };
  const begin = () => {
    const wanted = chosen(key).split("~");
    const [, before, after] = series.presets[0];
    const at = (/** @type {string} */ label, /** @type {number} */ otherwise) =>
      (labels.includes(label) ? labels.indexOf(label) : otherwise);
    [a.selectedIndex, b.selectedIndex] = [at(wanted[0], before), at(wanted[1], after)];
    by.selectedIndex = Math.max(0, series.statistics.findIndex(({ name }) => name === wanted[2]));
  };

  for (const menu of [a, b, by]) menu.addEventListener("change", changed);
  more.addEventListener("click", () => {
    most = layers.length;
    draw();
  });
  begin();
  draw();
  const scroll = make("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: "Two checkpoints, layer by layer" }, table);
  watchEdges(scroll, table);
  box.replaceChildren(
    make("div", { className: "controls", role: "group", ariaLabel: "Checkpoints to compare" },
      make("label", {}, "A ", a), make("label", {}, "B ", b), make("label", {}, "Statistic ", by),
      make("span", { className: "presets" }, ...presets)),
    said,
    scroll,
    more,
  );
};

if (typeof DecompressionStream === "function") {
  for (const box of all(".compare[data-series]")) whenNear(box, () => void compareSeries(box));
}
