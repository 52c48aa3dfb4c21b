// Buttons that open a menu below them.

/**
 * @param {string} text
 * @param {string} label what a screen reader says
 * @param {() => Node[]} fill makes what is in the menu, when it is opened for the first time
 * @returns {[HTMLButtonElement, HTMLElement]} the button and the menu, to be put beside each other
 */
const menu = (text, label, fill) => {
  const button = make("button", { type: "button", className: "quiet", ariaLabel: label }, text);
  const list = make("div", { className: "menu", popover: "auto" });
  button.popoverTargetElement = list;
  list.addEventListener("beforetoggle", ({ newState }) => {
    if (newState !== "open") return;
    if (!list.firstChild) list.append(...fill());
    const { bottom, right } = button.getBoundingClientRect();
    list.style.top = `${bottom + scrollY + 4}px`;
    list.style.right = `${Math.max(4, document.documentElement.clientWidth - right)}px`;
  });
  return [button, list];
};
