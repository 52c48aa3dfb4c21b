// Fold and unfold sections; all are open while the page is printed.
const unfold = part("unfold", HTMLButtonElement);
unfold.hidden = folds.length === 0;
const nameUnfold = () => {
  unfold.textContent = folds.every((fold) => fold.open) ? "Collapse all" : "Expand all";
};
folds.forEach((fold) => fold.addEventListener("toggle", nameUnfold));
unfold.addEventListener("click", () => {
  const open = !folds.every((fold) => fold.open);
  for (const fold of folds) fold.open = open;
});
addEventListener("beforeprint", () => folds.forEach((fold) => {
  if (fold.open) return;
  fold.open = true;
  fold.dataset.printed = "";
}));
addEventListener("afterprint", () => folds.forEach((fold) => {
  if ("printed" in fold.dataset) fold.open = false;
  delete fold.dataset.printed;
}));
