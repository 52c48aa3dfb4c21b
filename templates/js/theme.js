// Light or dark as the system has it, or as chosen. A choice switches the rules for dark systems on or off, so that no
// colour is written twice, and goes with links to other pages of the report.
const theme = part("theme", HTMLSelectElement);
const DARK = "(prefers-color-scheme: dark)";
const darkRules = [...document.styleSheets]
  .flatMap((sheet) => [...sheet.cssRules])
  .filter((rule) => rule instanceof CSSMediaRule)
  .filter((rule) => rule.conditionText === DARK);

const applyTheme = () => {
  document.documentElement.dataset.theme = theme.value;
  for (const rule of darkRules) rule.media.mediaText = { dark: "screen", light: "not all" }[theme.value] ?? DARK;
};
theme.value = chosen("theme");
if (theme.selectedIndex < 0) theme.value = "";
applyTheme();
theme.addEventListener("change", () => {
  applyTheme();
  choose("theme", theme.value);
});

/** @param {MouseEvent} event */
const carryTheme = ({ target }) => {
  const link = target instanceof Element ? target.closest("a") : null;
  if (!link || link.getAttribute("href")?.startsWith("#") || !(theme.value || link.search)) return;
  link.search = theme.value && `theme=${theme.value}`;
};
for (const kind of /** @type {const} */ (["click", "auxclick", "contextmenu"])) addEventListener(kind, carryTheme, true);
