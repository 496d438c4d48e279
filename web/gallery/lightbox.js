// The lightbox: PhotoSwipe over the links of the wall. Loaded on the first touch, not before.

import PhotoSwipe from "photoswipe";

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

/** @param {PhotoSwipe} pswp */
function shown(pswp) {
  const element = pswp.currSlide?.data.element;
  return element instanceof HTMLAnchorElement ? element : null;
}

/** @param {PhotoSwipe} pswp */
function addCaption(pswp) {
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

/** @param {PhotoSwipe} pswp */
function addDownload(pswp) {
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
        });
      },
    });
  });
}

/**
 * PhotoSwipe listens to keys when it has opened: those that are pressed before wait for that.
 * @param {PhotoSwipe} pswp
 */
function keepEarlyKeys(pswp) {
  const steps = { ArrowRight: 1, ArrowLeft: -1 };
  let [moved, escaped] = [0, false];
  const note = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") escaped = true;
    moved += steps[/** @type {keyof typeof steps} */ (event.key)] ?? 0;
    if (event.key in steps || event.key === "Enter" || event.key === " ") event.preventDefault();
  };
  const end = () => removeEventListener("keydown", note);
  addEventListener("keydown", note);
  pswp.on("destroy", end);
  pswp.on("bindEvents", () => {
    end();
    if (escaped) pswp.close();
    else if (moved) pswp.goTo(Math.min(Math.max(pswp.currIndex + moved, 0), pswp.getNumItems() - 1));
  });
}

/** @param {PhotoSwipe} pswp */
function closeWithBackButton(pswp) {
  const restoration = history.scrollRestoration;
  let ours = true;
  const back = () => {
    ours = false;
    pswp.close();
  };
  history.scrollRestoration = "manual";
  history.pushState({ lightbox: true }, "");
  addEventListener("popstate", back, { once: true });
  pswp.on("close", () => {
    removeEventListener("popstate", back);
    if (ours) history.back();
  });
  pswp.on("destroy", () => {
    history.scrollRestoration = restoration;
  });
}
