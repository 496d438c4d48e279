// The button that saves the untouched file.

import { shown } from "./shown.js";

/** @typedef {import("photoswipe").default} PhotoSwipe */

/** @param {PhotoSwipe} pswp */
export function addDownload(pswp) {
  pswp.on("uiRegister", () => {
    pswp.ui?.registerElement({
      name: "download",
      order: 8,
      isButton: true,
      tagName: "a",
      title: "Download the original",
      html: {
        isCustomSVG: true,
        inner:
          '<path d="M15.2 6h1.7v11l4.2-4.2 1.2 1.2-6.2 6.2L9.8 14l1.2-1.2 4.2 4.2zM8 23.3h16V25H8z" id="pswp__icn-download"/>',
        outlineID: "pswp__icn-download",
      },
      onInit: (element) => {
        const link = /** @type {HTMLAnchorElement} */ (element);
        link.setAttribute("download", "");
        pswp.on("change", () => {
          link.href = shown(pswp)?.dataset.download ?? "";
          link.hidden = !shown(pswp)?.dataset.download; // of a share that is to be looked at only
        });
      },
    });
  });
}
