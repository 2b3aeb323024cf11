/*
 * Filters the list of an index page. Without this script the whole list is there and the form stays hidden.
 * The state is in the address (?s=...&level=...); ?q= and ?h= belong to the theme's search.
 */
"use strict";

(() => {
  const form = document.querySelector("form.atlas-filter");
  if (!form) return;
  const status = form.querySelector("[role=status]");
  const controls = [...form.querySelectorAll("[name]")];
  const items = [...document.querySelectorAll(".atlas-list > li")].map((element) => ({
    element,
    group: element.closest(".atlas-group"),
    text: fold(element.textContent + " " + (element.dataset.words ?? "")),
  }));

  function fold(text) {
    return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  }

  function matches(item, wanted) {
    return Object.entries(wanted).every(([name, value]) =>
      name === "s"
        ? fold(value).split(/\s+/).every((word) => item.text.includes(word))
        : (item.element.dataset[name] ?? "").split(" ").includes(value),
    );
  }

  function apply() {
    const wanted = Object.fromEntries(controls.map((c) => [c.name, c.value.trim()]).filter(([, value]) => value));
    const groups = new Map();
    let count = 0;
    for (const item of items) {
      const shown = matches(item, wanted);
      item.element.hidden = !shown;
      count += shown;
      if (item.group) groups.set(item.group, groups.get(item.group) || shown);
    }
    for (const [group, shown] of groups) group.hidden = !shown;
    const words = count === 1 ? status.dataset.one : status.dataset.other;
    status.textContent = count ? words.replace("#", count.toLocaleString("en")) : status.dataset.none;
    const query = new URLSearchParams(wanted).toString();
    history.replaceState(history.state, "", location.pathname + (query ? "?" + query : "") + location.hash);
  }

  const asked = new URLSearchParams(location.search);
  for (const control of controls) {
    const value = asked.get(control.name) ?? "";
    const known = control.tagName !== "SELECT" || [...control.options].some((option) => option.value === value);
    if (known) control.value = value;
  }
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => requestAnimationFrame(apply));
  form.hidden = false;
  apply();
})();
