// Put filters above each list of findings: by severity, by rule and by layer or series. Rule and place are in the address.

/** @param {HTMLElement} finding */
const severityOf = (finding) => finding.querySelector(".severity")?.textContent ?? "";

/** @type {[name: string, label: string, all: string, selector: string][]} */
const CHOICES = [["rule", "Rule", "all rules", ".what b"], ["place", "Layer or series", "everywhere", ".places a"]];

/** The different texts of the elements that a selector finds. @param {HTMLElement[]} of @param {string} selector */
const textsOf = (of, selector) =>
  [...new Set(of.flatMap((finding) => all(selector, finding)).map((element) => element.textContent ?? ""))];

for (const list of all(".findings")) {
  const findings = all(".finding", list);
  /** @type {Map<string, (finding: HTMLElement) => boolean>} */
  const wanted = new Map();
  const show = () => findings.forEach((finding) => {
    finding.toggleAttribute("data-filtered", ![...wanted.values()].every((wants) => wants(finding)));
  });

  const severities = [...new Set(findings.map(severityOf))];
  const buttons = severities.length < 2 ? [] : severities.map((severity) => {
    const own = findings.filter((finding) => severityOf(finding) === severity);
    const level = own[0].className.replace("finding", "");
    const sign = own[0].querySelector(".mark")?.cloneNode(true) ?? "";
    const button = make("button", { type: "button", className: `chip${level}`, ariaPressed: "true" });
    button.append(sign, `${severity} ${own.length}`);
    button.addEventListener("click", () => {
      const shown = button.ariaPressed !== "true";
      button.ariaPressed = String(shown);
      wanted.set(severity, (finding) => shown || severityOf(finding) !== severity);
      show();
    });
    return button;
  });

  const menus = CHOICES.flatMap(([name, label, every, selector]) => {
    const texts = textsOf(findings, selector);
    if (findings.length < 2 || texts.length < 2) return [];
    const options = [make("option", { value: "" }, every), ...texts.map((text) => make("option", { value: text }, text))];
    const menu = make("select", { ariaLabel: label }, ...options);
    const changed = () => {
      wanted.set(name, (finding) => !menu.value || textsOf([finding], selector).includes(menu.value));
      show();
    };
    menu.addEventListener("change", () => {
      choose(name, menu.value);
      changed();
    });
    if (texts.includes(chosen(name))) {
      menu.value = chosen(name);
      changed();
    }
    return [menu];
  });
  const tools = [...buttons, ...menus];
  if (tools.length) list.before(make("div", { className: "chips", role: "group", ariaLabel: "Show findings" }, ...tools));
}
