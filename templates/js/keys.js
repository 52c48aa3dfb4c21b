// Keys, and the window that lists them. Single letters can be switched off there, for those who speak to the computer.

/** @param {number} way 1 for the next finding that is shown, -1 for the one before */
const walk = (way) => {
  const findings = all(".finding").filter((finding) => finding.checkVisibility());
  const at = findings.findIndex((finding) => finding.contains(document.activeElement));
  const next = findings[at < 0 && way < 0 ? findings.length - 1 : at + way];
  if (!next) return;
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  land(next);
};

/** @param {string} selector of a link */
const follow = (selector) => /** @type {HTMLElement | null} */ (document.querySelector(selector))?.click();

/** @type {{ keys: string[], says: string, does: () => void, needs?: string }[]} what they need is not on every page */
const KEYS = [
  { keys: ["/"], says: "search", does: () => search.focus() },
  { keys: ["j"], says: "next finding", does: () => walk(1), needs: ".finding" },
  { keys: ["k"], says: "previous finding", does: () => walk(-1), needs: ".finding" },
  { keys: ["]", "n"], says: "next checkpoint", does: () => follow("a[rel~='next']"), needs: "a[rel~='next']" },
  { keys: ["[", "p"], says: "previous checkpoint", does: () => follow("a[rel~='prev']"), needs: "a[rel~='prev']" },
  { keys: ["u"], says: "the page above", does: () => follow("a[rel~='up']"), needs: "a[rel~='up']" },
  { keys: ["?"], says: "show these keys", does: () => showKeys() },
];

const letters = make("input", { type: "checkbox", checked: chosen("keys") !== "off" });
letters.addEventListener("change", () => choose("keys", letters.checked ? "" : "off"));

/** @type {HTMLDialogElement | undefined} */
let list;
const showKeys = () => {
  if (!list) {
    const rows = KEYS.filter(({ needs }) => !needs || document.querySelector(needs)).map(({ keys, says }) =>
      [make("dt", {}, ...keys.map((key) => make("kbd", {}, key))), make("dd", {}, says)]);
    rows.push([make("dt", {}, make("kbd", {}, "Esc")), make("dd", {}, "end the search, close a menu")]);
    const close = make("button", { type: "button", autofocus: true }, "Close");
    close.addEventListener("click", () => list?.close());
    list = make("dialog", { className: "keys", ariaLabel: "Keys" },
      make("h2", {}, "Keys"), make("dl", {}, ...rows.flat()), make("label", {}, letters, "Single keys are on"), close);
    document.body.append(list);
  }
  list.showModal();
};
part("keys", HTMLButtonElement).addEventListener("click", showKeys);

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (key === "Escape" && search.value && !document.querySelector("dialog[open], :popover-open")) {
    searchFor("");
    search.blur();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !letters.checked || document.querySelector("dialog[open]")) return;
  if (target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select")) return;
  const pressed = KEYS.find(({ keys }) => keys.includes(key));
  if (!pressed || (pressed.needs && !document.querySelector(pressed.needs))) return;
  event.preventDefault();
  pressed.does();
});
