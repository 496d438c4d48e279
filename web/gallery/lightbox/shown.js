// Which link of the wall the lightbox shows now.

/** @typedef {import("photoswipe").default} PhotoSwipe */

/**
 * @param {PhotoSwipe} pswp
 * @returns {HTMLAnchorElement | null}
 */
export function shown(pswp) {
  const element = pswp.currSlide?.data.element;
  return element instanceof HTMLAnchorElement ? element : null;
}
