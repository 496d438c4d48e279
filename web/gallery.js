// An album's page: placeholders, further pages without a click, and the lightbox on the first touch.

import { followPages } from "./gallery/pages.js";
import { paintPlaceholders } from "./gallery/placeholders.js";

const wall = document.querySelector("[data-wall]");
if (wall instanceof HTMLElement) hang(wall);

/** @param {HTMLElement} wall */
function hang(wall) {
  paintPlaceholders(wall);
  const pages = followPages(wall, paintPlaceholders);
  const load = () => Promise.all([import("./gallery/lightbox.js"), styled()]).then(([module]) => module);

  wall.addEventListener("pointerdown", () => void load().catch(() => {}), { once: true });
  wall.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest("a[data-pswp-width]");
    if (!(link instanceof HTMLAnchorElement) || !isPlain(event)) return;
    event.preventDefault();
    load().then(
      ({ openLightbox }) => openLightbox(wall, link, pages),
      () => location.assign(link.href),
    );
  });
}

/** @returns {Promise<unknown>} when the lightbox's style sheet, fetched beforehand, holds */
function styled() {
  const link = document.querySelector("[data-lightbox-style]");
  if (!(link instanceof HTMLLinkElement) || link.sheet) return Promise.resolve();
  const loaded = new Promise((resolve, reject) => {
    link.addEventListener("load", resolve, { once: true });
    link.addEventListener("error", reject, { once: true });
  });
  link.rel = "stylesheet";
  return loaded;
}

/**
 * A click that wants the picture here, and not in another tab or on the disk.
 * @param {MouseEvent} event
 */
function isPlain(event) {
  return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}
