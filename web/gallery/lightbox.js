// The lightbox: PhotoSwipe over the links of the wall. Loaded on the first touch, not before.

import PhotoSwipe from "photoswipe";
import { addCaption } from "./lightbox/caption.js";
import { addDeepZoom } from "./lightbox/deepzoom.js";
import { addDetails } from "./lightbox/details.js";
import { addDownload } from "./lightbox/download.js";
import { shown } from "./lightbox/shown.js";
import { addSlideshow } from "./lightbox/slideshow.js";
import { closeWithBackButton, keepEarlyKeys } from "./lightbox/ways.js";

const AHEAD = 4;

/** @typedef {import("./pages.js").Pages} Pages */

/**
 * @param {HTMLElement} wall
 * @param {HTMLAnchorElement} link the picture to begin with
 * @param {Pages} pages
 */
export function openLightbox(wall, link, pages) {
  const items = linksOf(wall);
  const source = { gallery: wall, items };
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const pswp = new PhotoSwipe({
    dataSource: source,
    index: items.indexOf(link),
    bgOpacity: 1,
    loop: false,
    wheelToZoom: true,
    padding: { top: 56, bottom: 72, left: 0, right: 0 },
    showHideAnimationType: still ? "none" : "zoom",
    zoomAnimationDuration: still ? false : 300,
    arrowPrevTitle: "Previous picture",
    arrowNextTitle: "Next picture",
    closeTitle: "Close (Esc)",
    zoomTitle: "Zoom (Z)",
    errorMsg: "This picture cannot be shown.",
  });
  addCaption(pswp);
  addSlideshow(pswp, pages);
  addDetails(pswp);
  addDeepZoom(pswp);
  addDownload(pswp);
  pswp.on("afterInit", () => pswp.element?.setAttribute("aria-label", document.title));
  pswp.on("change", () => {
    if (pswp.currIndex < pswp.getNumItems() - AHEAD) return;
    pages.more().then(
      (hung) => hung && grow(pswp, source, wall),
      () => {},
    );
  });
  pswp.on("closingAnimationStart", () => shown(pswp)?.scrollIntoView({ block: "nearest" }));
  // PhotoSwipe puts the focus back where it was; the picture that was last looked at is better.
  pswp.on("destroy", () => shown(pswp)?.focus({ preventScroll: true }));
  keepEarlyKeys(pswp);
  closeWithBackButton(pswp);
  pswp.init();
}

/**
 * @param {HTMLElement} wall
 * @returns {HTMLAnchorElement[]}
 */
function linksOf(wall) {
  return [...wall.querySelectorAll("a[data-pswp-width]")].filter((a) => a instanceof HTMLAnchorElement);
}

/**
 * @param {PhotoSwipe} pswp
 * @param {{items: HTMLAnchorElement[]}} source
 * @param {HTMLElement} wall
 */
function grow(pswp, source, wall) {
  const first = source.items.length;
  source.items = linksOf(wall);
  if (pswp.isDestroying) return;
  pswp.refreshSlideContent(first); // it may be the neighbour that was empty until now
  pswp.dispatch("change"); // the counter and the arrows look again
}
