// Any two checkpoints of a series, A and B, layer by layer: what moved most comes first.

/** @typedef {{ js: number, psi: number, shift: number, error: number }} Apart  W1 in standard deviations of A, and its largest error */

const MOST_ROWS = 100;  // the reader asks for more

/** How far two histograms are apart: as reporter/compare/shift.py has it, over the bins that they share. */
const apart = (
  /** @type {Numbers} */ edges, /** @type {ArrayLike<number>} */ a, /** @type {ArrayLike<number>} */ b,
  /** @type {[number, number]} */ outA, /** @type {[number, number]} */ outB,
  /** @type {{ std: number, meanA: number, meanB: number, low: number, high: number }} */ known,
) => {
  const counts = [[outA[0], ...Array.from(a), outA[1]], [outB[0], ...Array.from(b), outB[1]]];
  const [sumA, sumB] = counts.map((of) => of.reduce((sum, n) => sum + n, 0));
  const [halfA, halfB] = counts.map((of, i) => of.map((n, bin) => (n || counts[1 - i][bin] ? Math.max(n, 0.5) : 0)));
  const [allA, allB] = [halfA, halfB].map((of) => of.reduce((sum, n) => sum + n, 0));
  let [js, psi, area, error, below] = [0, 0, 0, 0, 0];  // below: F − G at the left edge of a bin
  for (let i = 0; i < counts[0].length; i += 1) {
    const [p, q] = [counts[0][i] / sumA, counts[1][i] / sumB];
    const middle = (p + q) / 2;
    if (p) js += (p * Math.log2(p / middle)) / 2;
    if (q) js += (q * Math.log2(q / middle)) / 2;
    if (middle) psi += (halfA[i] / allA - halfB[i] / allB) * Math.log(halfA[i] / allA / (halfB[i] / allB));
    const inside = i > 0 && i < counts[0].length - 1;
    const wide = inside ? edges[i] - edges[i - 1] : Math.max(0, i ? known.high - edges[i - 1] : edges[0] - known.low);
    const after = below + p - q;
    // Values are taken to be spread evenly over their bin, which moves each by half a bin at most.
    const crossed = below * after < 0;
    area += wide * (crossed ? (below ** 2 + after ** 2) / (2 * (Math.abs(below) + Math.abs(after))) : Math.abs(below + after) / 2);
    error += ((p + q) * wide) / 2;
    below = after;
  }
  const shift = Math.max(area, Math.abs(known.meanB - known.meanA));
  return { js: Math.sqrt(Math.max(0, js)), psi, shift: shift / known.std, error: error / known.std };
};

/** A number that is known to within an error. */
const withError = (/** @type {number} */ value, /** @type {number} */ error) => {
  if (!Number.isFinite(value)) return "—";
  if (value === 0 || error < value / 1000) return numeral(value, 3);
  return error < value ? `${numeral(value, 2)} ± ${numeral(error, 1)}` : `≤ ${numeral(value + error, 2)}`;
};

const [THUMB_WIDE, THUMB_HIGH] = [150, 30];

/** The outline of a histogram as the path of an SVG, over bins from `first` to `last`, with its highest bar at the top. */
const outlineOf = (/** @type {ArrayLike<number>} */ counts, /** @type {number} */ first, /** @type {number} */ last, /** @type {number} */ top) => {
  const step = THUMB_WIDE / (last - first + 1);
  let path = `M0 ${THUMB_HIGH}`;
  for (let i = first; i <= last; i += 1) {
    path += `V${(THUMB_HIGH - (counts[i] / top) * (THUMB_HIGH - 2)).toFixed(1)}H${((i - first + 1) * step).toFixed(1)}`;
  }
  return `${path}V${THUMB_HIGH}`;
};

const signed = (/** @type {number} */ value, /** @type {(value: number) => string} */ shown) =>
  (value > 0 ? "+" : "") + shown(value);

/** One row of the table, whose texts are written anew for every pair. */
class ComparedRow {
  constructor() {
    this.name = make("span", {});
    const head = make("th", { scope: "row", className: "text" }, this.name);
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("viewBox", `0 0 ${THUMB_WIDE} ${THUMB_HIGH}`);
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("role", "img");
    const [after, before] = ["after", "before"].map((kind) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", kind);
      drawing.append(path);
      return path;
    });
    this.drawing = drawing;
    this.paths = { before, after };
    this.absent = make("span", { className: "absent" });
    this.cells = Array.from({ length: 6 }, () => make("td", {}));
    this.element = make("tr", {}, head, make("td", { className: "pair" }, /** @type {any} */ (drawing), this.absent), ...this.cells);
  }
}

/** The whole view of one series. */
const compareSeries = async (/** @type {HTMLElement} */ box) => {
  const data = await embedded();
  const slug = box.dataset.series ?? "";
  const series = data.record.series[slug];
  const [labels, names, layers] = [series.labels, series.names, series.layers].map(data.names);
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

  /** @param {number} layer @param {number} place */
  const histogram = (layer, place) => {
    const at = layer * count + place;
    const counts = data.row(rowsOf[at]);
    return counts && { counts, out: /** @type {[number, number]} */ ([outside[2 * at], outside[2 * at + 1]]) };
  };

  const compared = () => {
    const [before, after] = [a.selectedIndex, b.selectedIndex];
    const known = series.changes.find((change) => change.before === before && change.after === after);
    const updates = known && data.array(known.updates);
    const { values, share } = series.statistics[by.selectedIndex];
    const statistic = data.array(values);
    const found = layers.map((name, layer) => {
      const [from, to] = [layer * count + before, layer * count + after];
      const [old, now] = [statistic[from], statistic[to]];
      const [normA, normB] = [courses.l2_norm[from], courses.l2_norm[to]];
      const least = normA > 0 && Number.isFinite(normA) ? Math.abs(normB - normA) / normA : NaN;
      const [one, other] = [histogram(layer, before), histogram(layer, after)];
      const bad = normA === Infinity || normB === Infinity;
      /** @type {Apart | undefined} */
      const distances = one && other && !bad ? apart(data.array(series.edges[layer]), one.counts, other.counts, one.out, other.out, {
        std: courses.std[from],
        meanA: courses.mean[from],
        meanB: courses.mean[to],
        low: Math.min(courses.min[from], courses.min[to]),
        high: Math.max(courses.max[from], courses.max[to]),
      }) : undefined;
      const update = updates ? updates[layer] : NaN;
      const rank = bad ? Infinity : updates ? update : distances?.js ?? least;
      return { name, layer, old, now, update, least, one, other, distances, bad, share, rank: Number.isNaN(rank) ? -1 : rank };
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
    shown.forEach((one, i) => write(rows[i], one, known));
    const title = series.statistics[by.selectedIndex].title;
    const [labelA, labelB] = [labels[a.selectedIndex], labels[b.selectedIndex]];
    [heads[3].textContent, heads[4].textContent] = [`${title}, A`, `${title}, B`];
    heads[1].replaceChildren(make("span", { className: "key before" }, "A"), " ", make("span", { className: "key after" }, "B"));
    const same = a.selectedIndex === b.selectedIndex;
    const how = known ? (known.exact ? "compared value by value" : "estimated from fingerprints of the weights, ± 2.2 %") :
      "not compared value by value: ≥ is what the norms prove, and the layers are ranked by the distance of their histograms";
    said.textContent = same ? "A and B are the same checkpoint." : `A: step ${labelA}, B: step ${labelB}; ${how}.`;
    more.hidden = found.length <= shown.length;
    more.textContent = `Show all ${grouped(found.length)} layers`;
    presets.forEach((button, i) => {
      const [, before, after] = series.presets[i];
      button.ariaPressed = String(before === a.selectedIndex && after === b.selectedIndex);
    });
  };

  /** @type {(row: ComparedRow, one: ReturnType<typeof compared>["found"][number], known: KnownChange | undefined) => void} */
  const write = (row, one, known) => {
    const shown = one.share ? percentage : numeral;
    row.name.textContent = one.name;
    const update = known ? `${numeral(one.update)}${known.exact || !(one.update > 0) ? "" : " ± 2.2 %"}` : Number.isNaN(one.least) ? "—" : `≥ ${numeral(one.least, 3)}`;
    const texts = [
      update, shown(one.old), shown(one.now),
      Number.isFinite(one.now - one.old) ? signed(one.now - one.old, shown) : "—",
      one.distances ? numeral(one.distances.js, 3) : "—",
      one.distances ? withError(one.distances.shift, one.distances.error) : "—",
    ];
    texts.forEach((text, i) => {
      row.cells[i].textContent = text;
      row.cells[i].className = text === "NaN/Inf" ? "fail" : "";
    });
    row.cells[4].title = one.distances ? `PSI ${numeral(one.distances.psi, 3)}, over the same bins` : "";
    thumbnail(row, one);
  };

  /** @type {(row: ComparedRow, one: ReturnType<typeof compared>["found"][number]) => void} */
  const thumbnail = (row, { layer, one, other }) => {
    const drawn = [one, other].flatMap((of) => (of ? [of.counts] : []));
    const bins = drawn.length ? drawn[0].length : 0;
    const holds = (/** @type {number} */ i) => drawn.some((counts) => counts[i] > 0);
    let [first, last] = [0, bins - 1];
    while (first < last && !holds(first)) first += 1;
    while (last > first && !holds(last)) last -= 1;
    const path = (/** @type {typeof one} */ of) => (of ? outlineOf(of.counts, first, last, Math.max(1, ...of.counts)) : "");
    row.paths.before.setAttribute("d", path(one));
    row.paths.after.setAttribute("d", path(other));
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
    const address = new URL(location.href);
    const chosenNow = [labels[a.selectedIndex], labels[b.selectedIndex], series.statistics[by.selectedIndex].name];
    address.searchParams.set(key, chosenNow.join("~"));
    try {
      history.replaceState(history.state, "", address);
    } catch {  // a page within another may not change its address; it works as well, and only forgets
    }
  };
  const begin = () => {
    const wanted = (new URLSearchParams(location.search).get(key) ?? "").split("~");
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
  box.replaceChildren(
    make("div", { className: "controls", role: "group", ariaLabel: "Checkpoints to compare" },
      make("label", {}, "A ", a), make("label", {}, "B ", b), make("label", {}, "Statistic ", by),
      make("span", { className: "presets" }, ...presets)),
    said,
    make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Two checkpoints, layer by layer" }, table),
    more,
  );
};

if (typeof DecompressionStream === "function") {
  for (const box of all(".compare[data-series]")) whenNear(box, () => void compareSeries(box));
}
