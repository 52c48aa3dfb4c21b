// Mark the section that is being read in the table of contents.
const nav = /** @type {HTMLElement} */ (document.querySelector("nav"));
const links = new Map(all("a[href^='#']", nav).map((link) => [/** @type {HTMLAnchorElement} */ (link).hash.slice(1), link]));
const watch = new IntersectionObserver((changes) => {
  const seen = changes.find((change) => change.isIntersecting);
  const link = seen && links.get(seen.target.id);
  if (!link) return;
  links.forEach((other) => other.removeAttribute("aria-current"));
  link.ariaCurrent = "true";
  const group = link.closest("details");
  if (group && !group.open) {  // only one group is open by itself, or the list would grow while a reader scrolls
    all("details[data-near]", nav).forEach((other) => {
      other.removeAttribute("open");
      delete other.dataset.near;
    });
    group.open = true;
    group.dataset.near = "";
  }
  nav.scrollTo({ left: link.offsetLeft - 60, top: link.offsetTop - nav.clientHeight / 2 });
}, { rootMargin: "-15% 0px -75% 0px" });
for (const anchor of links.keys()) {
  const section = document.getElementById(anchor);
  if (section) watch.observe(section);
}

part("tools", HTMLElement).hidden = false;

// Where the list stays above the page, header rows of tables stay below it.
const side = /** @type {HTMLElement} */ (document.querySelector(".side"));
new ResizeObserver(() => {
  const above = side.offsetHeight < innerHeight ? side.offsetHeight : 0;
  document.documentElement.style.setProperty("--above", `${above}px`);
}).observe(side);
