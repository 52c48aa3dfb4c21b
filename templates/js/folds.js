// Fold and unfold sections; all are open while the page is printed.
const unfold = document.getElementById("unfold");
unfold.hidden = folds.length === 0;
const label = () => {
  unfold.textContent = folds.every((fold) => fold.open) ? "Collapse all" : "Expand all";
};
folds.forEach((fold) => fold.addEventListener("toggle", label));
unfold.addEventListener("click", () => {
  const open = !folds.every((fold) => fold.open);
  folds.forEach((fold) => {
    fold.open = open;
  });
});
addEventListener("beforeprint", () => folds.forEach((fold) => {
  if (!fold.open) fold.open = fold.dataset.printed = true;
}));
addEventListener("afterprint", () => folds.forEach((fold) => {
  if (fold.dataset.printed) fold.open = false;
  delete fold.dataset.printed;
}));
