// Search: a row or finding matches if it contains every word. Sections without a match are marked, and CSS hides them.
const search = document.getElementById("search");
const hits = document.getElementById("hits");
const entries = all("tbody tr, .finding").map((element) => ({
  element,
  text: element.textContent.toLowerCase(),
  holders: [element.closest("section"), element.closest(".scroll")].filter(Boolean),
  fold: element.closest("details"),
}));
const nothing = document.querySelector(".nothing");
const holders = new Set(all("main > section, .scroll"));
const find = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = new Set();
  const opened = new Set();
  let count = 0;
  for (const { element, text, holders: around, fold } of entries) {
    const hit = words.every((word) => text.includes(word));
    element.toggleAttribute("data-missed", !hit);
    if (!hit) continue;
    count += 1;
    around.forEach((holder) => kept.add(holder));
    if (fold) opened.add(fold);
  }
  holders.forEach((holder) => holder.toggleAttribute("data-missed", words.length > 0 && !kept.has(holder)));
  folds.forEach((fold) => {
    if (words.length && opened.has(fold) && !fold.open) fold.open = fold.dataset.found = true;
    if (!words.length && fold.dataset.found) {
      fold.open = false;
      delete fold.dataset.found;
    }
  });
  nothing.hidden = words.length === 0 || count > 0;
  nothing.textContent = `Nothing on this page holds “${search.value.trim()}”. Press Esc in the search field to see everything.`;
  hits.textContent = words.length ? `${count} of ${entries.length} rows and findings` : "";
};
search.addEventListener("input", find);
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && event.target === search) {
    search.value = "";
    find();
    search.blur();
  }
});
