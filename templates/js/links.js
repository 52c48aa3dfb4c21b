// Scroll to a target. Sections are laid out only as they come near the window, with heights that nobody knew before,
// and so the target may move for some frames. Whoever scrolls meanwhile is not pulled back.
let landing = 0;
const land = (target) => {
  let frames = 30;
  const again = () => {
    target.scrollIntoView();
    landing = --frames && requestAnimationFrame(again);
  };
  cancelAnimationFrame(landing);
  again();
};
for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"]) {
  addEventListener(kind, () => cancelAnimationFrame(landing), { passive: true });
}

// Show the target of a link even if it is folded or hidden by a search.
const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!target) return;
  if (target.closest("[data-missed]")) {
    search.value = "";
    find();
  }
  const fold = target.closest("details") ?? target.querySelector(":scope > details");
  if (fold) fold.open = true;
  land(target);
};
addEventListener("hashchange", reveal);
document.addEventListener("click", ({ target }) => {  // a second click on the same link changes no hash
  const link = target.closest("a[href^='#']");
  if (link && link.hash === location.hash) reveal();
});
reveal();
