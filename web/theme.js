// The manual choice between light and dark. Loaded in the head, before the first paint.
// Without a choice the system decides; choosing what the system says forgets the choice.

import { coverBrokenPictures } from "./head/broken.js";

const KEY = "cimaise-theme";
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

/** @returns {string | null} "light", "dark" or nothing; storage may be forbidden */
function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @param {string | null} theme */
function remember(theme) {
  try {
    if (theme) localStorage.setItem(KEY, theme);
    else localStorage.removeItem(KEY);
  } catch {
    // Then it holds for this page.
  }
}

/** @param {string | null} theme */
function show(theme) {
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  else delete root.dataset.theme;
  const dark = isDark();
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.setAttribute("aria-pressed", String(dark));
    button.removeAttribute("hidden");
  }
}

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

function toggle() {
  const next = isDark() ? "light" : "dark";
  const theme = next === (system.matches ? "dark" : "light") ? null : next;
  remember(theme);
  show(theme);
}

coverBrokenPictures();
show(chosen());
system.addEventListener("change", () => show(chosen()));
addEventListener("storage", (event) => event.key === KEY && show(event.newValue));
addEventListener("DOMContentLoaded", () => {
  show(chosen());
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("[data-theme-toggle]")) toggle();
  });
});
