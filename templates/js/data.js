// The numbers that a page embeds for its pictures and tables; they are unpacked when they are first needed.
// reporter/render/page_data.py writes them: an array is its place among all arrays, a list of names its place among all.

/** @typedef {Uint8Array | Uint16Array | Uint32Array | Float64Array} Numbers */
/** @typedef {[left: number, top: number, right: number, bottom: number]} Box */
/**
 * Histograms on the same edges, below each other, or side by side where values go up.
 * @typedef {{kind: "bins", box: Box, labels: number, low: number, high: number, upright: boolean, edges: number,
 *   counts: number, outside: number}} BinsArea
 */
/** @typedef {{kind: "cells", box: Box, rows: number, columns: number, values: number, unit: string}} CellsArea */
/**
 * @typedef {{kind: "lines", box: Box, places: number, labels: number, names: number, values: number[],
 *   share: boolean}} LinesArea
 */
/** @typedef {BinsArea | CellsArea | LinesArea} Area */
/** @typedef {{name: string, title: string, share: boolean, reference: "first" | "std" | "unit", values: number}} Statistic */
/** @typedef {{before: number, after: number, exact: boolean, updates: number}} KnownChange */
/**
 * @typedef {{labels: number, names: number, layers: number, cards: number, statistics: Statistic[], edges: number[], counts: number,
 *   outside: number, changes: KnownChange[], presets: [title: string, before: number, after: number][]}} SeriesRecord
 */
/** @typedef {{numbers: string, lists: string[][], pictures: Area[][], series: Record<string, SeriesRecord>}} PageRecord */
/**
 * @typedef {{record: PageRecord, array: (place: number) => Numbers, names: (place: number) => string[],
 *   row: (place: number) => Numbers | null}} Embedded  row: of an array of counts and plus 1, null for 0.
 */

const STORED = [Uint8Array, Uint16Array, Uint32Array, Float64Array];  // as TYPES of page_data.py

/** @returns {Promise<Embedded>} */
const unpackNumbers = async () => {
  /** @type {PageRecord} */
  const record = JSON.parse(document.getElementById("data")?.textContent ?? "");
  const packed = atob(record.numbers);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i += 1) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const aligned = (/** @type {number} */ at) => at + (-at & 7);
  const count = new Uint32Array(buffer, 0, 1)[0];
  const heads = new Uint32Array(buffer, 4, 2 * count);  // the type and the number of bytes of each array
  const starts = new Uint32Array(count + 1);
  starts[0] = aligned(4 + 8 * count);
  for (let i = 0; i < count; i += 1) starts[i + 1] = aligned(starts[i] + heads[2 * i + 1]);
  /** @type {Embedded["array"]} */
  const array = (place) => {
    const stored = STORED[heads[2 * place]];
    return new stored(buffer, starts[place], heads[2 * place + 1] / stored.BYTES_PER_ELEMENT);
  };
  return { record, array, names: (place) => record.lists[place], row: (place) => (place ? array(place - 1) : null) };
};

/** @type {Promise<Embedded> | undefined} */
let unpacked;
const embedded = () => (unpacked ??= unpackNumbers());

/** Call a function once an element comes near the window. */
const whenNear = (/** @type {Element} */ element, /** @type {() => void} */ then) => {
  const near = new IntersectionObserver((changes) => {
    if (!changes.some((change) => change.isIntersecting)) return;
    near.disconnect();
    then();
  }, { rootMargin: "600px" });
  near.observe(element);
};

// Numbers as reporter/numerals.py prints them: rounding never makes a change of none, or none of one.
const grouped = (/** @type {number} */ n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

const numeral = (/** @type {number} */ value, digits = 4) => {
  if (Number.isNaN(value)) return "—";
  if (!Number.isFinite(value)) return "NaN/Inf";
  if (value === 0) return "0";
  const [mantissa, exponent] = Math.abs(value).toExponential(digits - 1).split("e");
  const power = Number(exponent);
  const sign = value < 0 ? "−" : "";
  const plain = (/** @type {string} */ text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  const whole = Math.round(Math.abs(value));
  if (power >= digits && whole < 1e6) return sign + grouped(whole);
  if (power < -4 || power >= digits) {
    return `${sign}${plain(mantissa)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  const text = plain(Math.abs(value).toFixed(digits - 1 - power));
  if (text !== "1" || Math.abs(value) === 1) return sign + text;
  const bound = Math.abs(value) < 1 ? `0.${"9".repeat(digits)}` : `1.${"0".repeat(digits - 2)}1`;
  return (value > 1 || (value < 0 && value > -1) ? "<" : ">") + sign + bound;
};

const percentage = (/** @type {number} */ share) => {
  if (!Number.isFinite(share)) return numeral(share);
  const percent = 100 * share;
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent > 0 && percent < 0.01) return "<0.01 %";
  return percent > 99.99 && percent < 100 ? ">99.99 %" : `${percent.toFixed(2).replace("-", "−")} %`;
};
