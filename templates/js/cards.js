// A card that a link leads to is in a group that may be folded: unfold all around it.
const unfoldAround = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let fold = target ? target.closest("details") : null; fold; fold = fold.parentElement?.closest("details") ?? null) {
    fold.open = true;
  }
};
addEventListener("hashchange", unfoldAround);
unfoldAround();
