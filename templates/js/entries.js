// What a search looks through: rows, findings, pictures, definitions and texts, each together with the titles above it.
const ENTRIES = "tbody tr, .finding, figure, dl > dt, p.text, p.note, p.warning, .tiles > li, .banner, [data-entry]";
const HOLDERS = ["main > section", "main details", ".scroll", ".findings", ".figures", ".tiles", "dl"];
const TITLES = ":scope > h2, :scope > h3, :scope > summary, :scope > table > caption";

/**
 * @typedef {object} Entry
 * @property {HTMLElement[]} elements
 * @property {string} text what it says, simplified
 * @property {Holder[]} holders around it
 * @property {boolean} missed whether it is hidden
 */

/**
 * @typedef {object} Holder
 * @property {HTMLElement} element
 * @property {string} title simplified
 * @property {boolean} missed
 */

/**
 * A text as it is searched: small letters, digits without spaces between them, and a plain minus.
 * @param {string} text
 */
const simple = (text) => text.toLowerCase().replaceAll("\u202f", "").replaceAll("\u2212", "-");

/** @returns {{entries: Entry[], holders: Holder[]}} */
const readPage = () => {
  const holders = new Map(all(HOLDERS.join()).map((element) => {
    const title = all(TITLES, element).map((heading) => heading.textContent).join(" ");
    return [element, { element, title: simple(title), missed: false }];
  }));
  const entries = all(ENTRIES, part("main", HTMLElement)).filter((element) => !element.parentElement?.closest(ENTRIES)).map((element) => {
    const elements = element.matches("dt") ? [element, /** @type {HTMLElement} */ (element.nextElementSibling)] : [element];
    const around = [];
    for (let node = element.parentElement; node && node.id !== "main"; node = node.parentElement) {
      const holder = holders.get(node);
      if (holder) around.push(holder);
    }
    const own = elements.map((each) => each.textContent + all("img", each).map((image) => image.getAttribute("alt")).join(" "));
    return { elements, text: simple(own.join(" ")), holders: around, missed: false };
  });
  return { entries, holders: [...holders.values()] };
};
