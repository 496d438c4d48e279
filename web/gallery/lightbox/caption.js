// What is said below a picture.

import { shown } from "./shown.js";

/** @typedef {import("photoswipe").default} PhotoSwipe */

/** @param {PhotoSwipe} pswp */
export function addCaption(pswp) {
  pswp.on("uiRegister", () => {
    pswp.ui?.registerElement({
      name: "caption",
      className: "pswp__caption",
      order: 9,
      appendTo: "root",
      onInit: (element) => {
        element.setAttribute("aria-live", "polite");
        pswp.on("change", () => element.replaceChildren(...captionOf(shown(pswp))));
      },
    });
  });
}

/**
 * @param {HTMLAnchorElement | null} link
 * @returns {HTMLElement[]}
 */
function captionOf(link) {
  const lines = /** @type {const} */ ([
    ["strong", link?.dataset.caption],
    ["span", link?.dataset.date],
  ]);
  return lines.flatMap(([tag, text]) => {
    if (!text) return [];
    const line = document.createElement(tag);
    line.textContent = text;
    return [line];
  });
}
