// What the reader chose is in the query of the page's address, such as ?theme=dark&search=conv.

/** @type {Map<string, string>} */
const unwritten = new Map();

/**
 * What was chosen when the page was opened, "" if nothing.
 * @param {string} name
 */
const chosen = (name) => new URLSearchParams(location.search).get(name) ?? "";

/** Write all choices at once: browsers refuse to change an address at every key stroke. */
const writeAddress = () => {
  const address = new URL(location.href);
  unwritten.forEach((value, name) => (value ? address.searchParams.set(name, value) : address.searchParams.delete(name)));
  unwritten.clear();
  try {
    history.replaceState(history.state, "", address);
  } catch {  // a page within another may not change its address; it works as well, and only forgets
  }
};

/**
 * Keep a choice; "" stands for what is usual and leaves the address short.
 * @param {string} name
 * @param {string} value
 */
const choose = (name, value) => {
  if (!unwritten.size) setTimeout(writeAddress, 250);
  unwritten.set(name, value);
};
