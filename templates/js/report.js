"use strict";
// The report can be read without this script. It adds search, sorting, a filter by severity and folding, and stores nothing.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const folds = all("details");

  // Sort a table. Clicks on a header sort one way, then the other way, then restore the original order.
  const INFINITE = { inf: Infinity, "-inf": -Infinity };
  const collator = new Intl.Collator(undefined, { numeric: true });
  const compare = (a, b) => (typeof a === "string" ? collator.compare(a, b) : a < b ? -1 : a > b ? 1 : 0);
  const sortTable = (table, column, direction, original) => {
    const numeric = original.some((row) => row.cells[column].dataset.sort !== undefined);
    const key = ({ dataset, lastChild }) =>  // the last child is the text; a mark may come before it
      numeric ? INFINITE[dataset.sort] ?? parseFloat(dataset.sort) : lastChild?.textContent ?? "";
    const known = [];
    const unknown = [];  // rows without a number come last in both directions
    for (const row of original) {
      const value = key(row.cells[column]);
      (Number.isNaN(value) ? unknown : known).push([value, row]);
    }
    if (direction) known.sort(([a], [b]) => direction * compare(a, b));
    table.tBodies[0].append(...(direction ? [...known, ...unknown].map(([, row]) => row) : original));
  };
  for (const table of all("table")) {
    const original = [...table.tBodies[0].rows];
    if (original.length < 2) continue;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
      button.addEventListener("click", () => {
        const cycle = head.className ? ["ascending", "descending"] : ["descending", "ascending"];  // columns of numbers begin with the largest
        const next = { none: cycle[0], [cycle[0]]: cycle[1], [cycle[1]]: "none" }[head.ariaSort ?? "none"];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (next !== "none") head.ariaSort = next;
        sortTable(table, column, { ascending: 1, descending: -1, none: 0 }[next], original);
      });
      head.append(button);
    });
  }

  // Mark tables that go on beyond their right edge.
  const cut = (box) => box.toggleAttribute("data-cut", box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
  const sizes = new ResizeObserver((changes) => changes.forEach(({ target }) => cut(target)));
  for (const box of all(".scroll")) {
    sizes.observe(box);
    box.addEventListener("scroll", () => cut(box), { passive: true });
  }

  // Search: a row or finding matches if it contains every word. Sections without a match are marked, and CSS hides them.
  const search = document.getElementById("search");
  const hits = document.getElementById("hits");
  const entries = all("tbody tr, .finding").map((element) => ({
    element,
    text: element.textContent.toLowerCase(),
    holders: [element.closest("section"), element.closest(".scroll")].filter(Boolean),
    fold: element.closest("details"),
  }));
  const nothing = document.querySelector(".nothing");
  const holders = new Set(all("main > section, .scroll"));
  const find = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = new Set();
    const opened = new Set();
    let count = 0;
    for (const { element, text, holders: around, fold } of entries) {
      const hit = words.every((word) => text.includes(word));
      element.toggleAttribute("data-missed", !hit);
      if (!hit) continue;
      count += 1;
      around.forEach((holder) => kept.add(holder));
      if (fold) opened.add(fold);
    }
    holders.forEach((holder) => holder.toggleAttribute("data-missed", words.length > 0 && !kept.has(holder)));
    folds.forEach((fold) => {
      if (words.length && opened.has(fold) && !fold.open) fold.open = fold.dataset.found = true;
      if (!words.length && fold.dataset.found) {
        fold.open = false;
        delete fold.dataset.found;
      }
    });
    nothing.hidden = words.length === 0 || count > 0;
    nothing.textContent = `Nothing on this page holds “${search.value.trim()}”. Press Esc in the search field to see everything.`;
    hits.textContent = words.length ? `${count} of ${entries.length} rows and findings` : "";
  };
  search.addEventListener("input", find);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      find();
      search.blur();
    }
  });

  // Put the filter by severity above each list of findings.
  for (const list of all(".findings")) {
    const findings = all(".finding", list);
    const severities = [...new Set(findings.map((finding) => finding.querySelector(".severity").textContent))];
    if (severities.length < 2) continue;
    const buttons = severities.map((severity) => {
      const own = findings.filter((finding) => finding.querySelector(".severity").textContent === severity);
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

  // Fold and unfold sections; all are open while the page is printed.
  const unfold = document.getElementById("unfold");
  unfold.hidden = folds.length === 0;
  const label = () => {
    unfold.textContent = folds.every((fold) => fold.open) ? "Collapse all" : "Expand all";
  };
  folds.forEach((fold) => fold.addEventListener("toggle", label));
  unfold.addEventListener("click", () => {
    const open = !folds.every((fold) => fold.open);
    folds.forEach((fold) => {
      fold.open = open;
    });
  });
  addEventListener("beforeprint", () => folds.forEach((fold) => {
    if (!fold.open) fold.open = fold.dataset.printed = true;
  }));
  addEventListener("afterprint", () => folds.forEach((fold) => {
    if (fold.dataset.printed) fold.open = false;
    delete fold.dataset.printed;
  }));

  // Scroll to a target. Sections are laid out only as they come near the window, with heights that nobody knew before,
  // and so the target may move for some frames. Whoever scrolls meanwhile is not pulled back.
  let landing = 0;
  const land = (target) => {
    let frames = 30;
    const again = () => {
      target.scrollIntoView();
      landing = --frames && requestAnimationFrame(again);
    };
    cancelAnimationFrame(landing);
    again();
  };
  for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(kind, () => cancelAnimationFrame(landing), { passive: true });
  }

  // Show the target of a link even if it is folded or hidden by a search.
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.closest("[data-missed]")) {
      search.value = "";
      find();
    }
    const fold = target.closest("details") ?? target.querySelector(":scope > details");
    if (fold) fold.open = true;
    land(target);
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", ({ target }) => {  // a second click on the same link changes no hash
    const link = target.closest("a[href^='#']");
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

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
})();
