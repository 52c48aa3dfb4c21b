// Mark the section that is being read in the table of contents.
const nav = document.querySelector("nav");
const links = new Map(all("a", nav).map((link) => [link.hash.slice(1), link]));
const watch = new IntersectionObserver((changes) => {
  const seen = changes.find((change) => change.isIntersecting);
  if (!seen) return;
  const link = links.get(seen.target.id);
  links.forEach((other) => other.removeAttribute("aria-current"));
  link.ariaCurrent = "true";
  nav.scrollTo({ left: link.offsetLeft - 60, top: link.offsetTop - nav.clientHeight / 2 });
}, { rootMargin: "-15% 0px -75% 0px" });
links.forEach((_, anchor) => watch.observe(document.getElementById(anchor)));

document.querySelector(".tools").hidden = false;
