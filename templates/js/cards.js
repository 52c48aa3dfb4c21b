// An address may name a layer, as in #layer=encoder/dense: it becomes the address of the layer's card.
const toNamedLayer = () => {
  if (!location.hash.startsWith("#layer=")) return;
  let name = location.hash.slice("#layer=".length);
  try {
    name = decodeURIComponent(name);
  } catch {  // a lone percent sign is one
  }
  const card = all(".card").find((each) => {
    const shown = all("summary .title .name", each)[0];
    return shown && (shown.title || shown.textContent) === name;
  });
  if (card?.id) location.replace(`#${card.id}`);
};
addEventListener("hashchange", toNamedLayer);
toNamedLayer();

// A card that a link leads to is in a group that may be folded: unfold all around it.
const unfoldAround = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let fold = target ? target.closest("details") : null; fold; fold = fold.parentElement?.closest("details") ?? null) {
    fold.open = true;
  }
};
addEventListener("hashchange", unfoldAround);
unfoldAround();
