// Put the filter by severity above each list of findings.

/** @param {HTMLElement} finding */
const severityOf = (finding) => finding.querySelector(".severity")?.textContent ?? "";

for (const list of all(".findings")) {
  const findings = all(".finding", list);
  const severities = [...new Set(findings.map(severityOf))];
  if (severities.length < 2) continue;
  const buttons = severities.map((severity) => {
    const own = findings.filter((finding) => severityOf(finding) === severity);
    const level = own[0].className.replace("finding", "");
    const sign = own[0].querySelector(".mark")?.cloneNode(true) ?? "";
    const button = make("button", { type: "button", className: `chip${level}`, ariaPressed: "true" });
    button.append(sign, `${severity} ${own.length}`);
    button.addEventListener("click", () => {
      const shown = button.ariaPressed !== "true";
      button.ariaPressed = String(shown);
      own.forEach((finding) => finding.toggleAttribute("data-filtered", !shown));
    });
    return button;
  });
  list.before(make("div", { className: "chips", role: "group", ariaLabel: "Show findings" }, ...buttons));
}
