// Tell tables that fit from those that go on beyond their right edge. Of those that fit, nothing scrolls sideways, and so
// their header row can stay at the top of the window in every browser.

/** @param {HTMLElement} box */
const edge = (box) => {
  const beyond = box.scrollWidth - box.clientWidth;
  box.toggleAttribute("data-fits", beyond < 1);
  box.toggleAttribute("data-cut", beyond - box.scrollLeft > 1);
  box.tabIndex = beyond < 1 ? -1 : 0;  // what does not scroll is no stop for the keyboard
};
const sizes = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    const box = target.closest(".scroll");
    if (box instanceof HTMLElement) edge(box);
  }
});
/** Follow what a box shows of its table. @param {HTMLElement} box @param {HTMLElement} table */
const watchEdges = (box, table) => {
  sizes.observe(box);
  sizes.observe(table);
  box.addEventListener("scroll", () => edge(box), { passive: true });
};
for (const { table, box } of sheets) watchEdges(box, table);
