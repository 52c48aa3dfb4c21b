// Scroll to a target. Sections are laid out only as they come near the window, with heights that nobody knew before,
// and so the target may move for some frames. Whoever scrolls meanwhile is not pulled back.
let landing = 0;

/** @param {Element} target */
const land = (target) => {
  let frames = 30;
  const again = () => {
    target.scrollIntoView();
    frames -= 1;
    landing = frames ? requestAnimationFrame(again) : 0;
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
  if (target.closest("[data-missed]")) searchFor("");
  const fold = target.closest("details") ?? target.querySelector(":scope > details");
  if (fold instanceof HTMLDetailsElement) fold.open = true;
  land(target);
};
addEventListener("hashchange", reveal);
document.addEventListener("click", ({ target }) => {  // a second click on the same link changes no hash
  const link = target instanceof Element ? target.closest("a") : null;
  if (link && link.getAttribute("href")?.startsWith("#") && link.hash === location.hash) reveal();
});
reveal();
