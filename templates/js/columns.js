// Choose the columns of wide tables. The page marks those that are not shown at first; without scripts all are.
for (const { table, bar, name, heads } of sheets) {
  const marked = (table.dataset.hidden ?? "").split(" ");
  const usual = heads.map((_, column) => !marked.includes(String(column)));
  if (usual.every(Boolean)) continue;
  const kept = `${name}.columns`;
  const listed = chosen(kept).split(".").map(Number);
  let shown = heads.map((_, column) => (chosen(kept) ? chosen(kept) === "all" || listed.includes(column) : usual[column]));

  const [button, list] = menu("", "", () => {
    const boxes = heads.slice(1).map((_, at) => {
      const box = make("input", { type: "checkbox", checked: shown[at + 1] });
      box.addEventListener("change", () => show(shown.map((was, column) => (column === at + 1 ? box.checked : was))));
      return box;
    });
    /**
     * @param {string} text
     * @param {() => boolean[]} columns
     */
    const preset = (text, columns) => {
      const all = make("button", { type: "button", className: "quiet" }, text);
      all.addEventListener("click", () => {
        show(columns());
        boxes.forEach((box, at) => { box.checked = shown[at + 1]; });
      });
      return all;
    };
    return [
      ...boxes.map((box, at) => make("label", {}, box, titleOf(heads[at + 1]))),
      make("p", {}, preset("All", () => heads.map(() => true)), preset("Default", () => usual)),
    ];
  });

  /** @param {boolean[]} columns which are to be shown */
  const show = (columns) => {
    shown = columns;
    const hidden = shown.flatMap((on, column) => (column && !on ? [column] : []));
    table.dataset.hidden = hidden.join(" ");
    const count = `${heads.length - hidden.length} of ${heads.length} columns`;
    button.textContent = count;
    button.ariaLabel = `${count} of “${table.caption?.textContent.trim()}”: choose`;
    const same = shown.every((on, column) => !column || on === usual[column]);
    const left = hidden.length ? [...shown.keys()].filter((column) => !hidden.includes(column)).join(".") : "all";
    choose(kept, same ? "" : left);
  };
  button.classList.add("columns");
  show(shown);
  bar.append(button, list);
}
