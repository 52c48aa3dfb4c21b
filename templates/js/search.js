// Search: an entry matches if it, or a title above it, contains each of the words. All else is marked, and CSS hides it.
const search = part("search", HTMLInputElement);
const hits = part("hits", HTMLOutputElement);
const nothing = part("nothing", HTMLElement);

/** @type {ReturnType<typeof readPage> | undefined} */
let content;

/**
 * Hide or show what was not hidden or shown before.
 * @param {Entry | Holder} thing
 * @param {boolean} missed
 */
const miss = (thing, missed) => {
  if (thing.missed === missed) return;
  thing.missed = missed;
  for (const element of "elements" in thing ? thing.elements : [thing.element]) element.toggleAttribute("data-missed", missed);
};

// So many folds are opened at most: to lay out the cards of 500 layers takes longer than anyone waits while typing.
const MOST_OPENED = 20;

/** @param {Set<HTMLElement> | null} found in which folds there is something, null for no search */
const unfoldFound = (found) => {
  const few = found !== null && folds.filter((fold) => found.has(fold)).length <= MOST_OPENED;
  for (const fold of folds) {
    const wanted = few && found.has(fold);
    if (wanted && !fold.open) {
      fold.open = true;
      fold.dataset.found = "";
    } else if (!wanted && "found" in fold.dataset) {
      fold.open = false;
      delete fold.dataset.found;
    }
  }
};

const find = () => {
  const words = simple(search.value).split(/\s+/).filter(Boolean);
  if (!content && !words.length) return;
  content ??= readPage();
  /** @type {Set<HTMLElement>} */
  const kept = new Set();
  let count = 0;
  for (const entry of content.entries) {
    const hit = words.every((word) => entry.text.includes(word) || entry.holders.some(({ title }) => title.includes(word)));
    miss(entry, !hit);
    if (!hit) continue;
    count += 1;
    for (const { element } of entry.holders) kept.add(element);
  }
  for (const holder of content.holders) miss(holder, words.length > 0 && !kept.has(holder.element));
  unfoldFound(words.length ? kept : null);
  nothing.hidden = words.length === 0 || count > 0;
  nothing.textContent = `Nothing found: this page has no “${search.value.trim()}”. Press Esc in the search field to see everything.`;
  hits.textContent = words.length ? `${count || "no"} ${count === 1 ? "hit" : "hits"}` : "";
};

/** @param {string} words */
const searchFor = (words) => {
  search.value = words;
  choose("search", words.trim());
  find();
};
search.addEventListener("focus", () => { content ??= readPage(); }, { once: true });
search.addEventListener("input", () => searchFor(search.value));
if (chosen("search")) searchFor(chosen("search"));
