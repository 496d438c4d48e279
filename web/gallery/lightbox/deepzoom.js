// Looking closer than the largest variant shows: tiles of the untouched picture, by IIIF. The
// viewer is loaded when somebody asks for it.

import { shown } from "./shown.js";

/** @typedef {import("photoswipe").default} PhotoSwipe */

const KEY = "l";
const AWAY = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Tab"]);

/** @param {PhotoSwipe} pswp */
export function addDeepZoom(pswp) {
  pswp.on("uiRegister", () => {
    pswp.ui?.registerElement({
      name: "deepzoom",
      order: 7.7,
      isButton: true,
      title: "Look closer (L)",
      html: {
        isCustomSVG: true,
        inner:
          '<path d="M7 7h7v1.8H8.8V14H7zm11 0h7v7h-1.8V8.8H18zM7 18h1.8v5.2H14V25H7zm16.2 0H25v7h-7v-1.8h5.2zM13 13h6v6h-6z" id="pswp__icn-deepzoom"/>',
        outlineID: "pswp__icn-deepzoom",
      },
      onInit: (button) => connect(pswp, button),
    });
  });
}

/**
 * @param {PhotoSwipe} pswp
 * @param {HTMLElement} button
 */
function connect(pswp, button) {
  /** @type {{ element: HTMLElement, destroy: () => void } | null} */
  let open = null;

  const close = () => {
    open?.destroy();
    open?.element.remove();
    open = null;
    button.setAttribute("aria-pressed", "false");
  };
  const toggle = async () => {
    const url = shown(pswp)?.dataset.tiles;
    if (open) return close();
    if (!url || !pswp.element) return;
    open = cover(pswp.element);
    button.setAttribute("aria-pressed", "true");
    const { element } = open;
    try {
      const destroy = await hang(element, url);
      if (open?.element === element) open.destroy = destroy;
      else destroy();
    } catch {
      if (open?.element === element) close();
    }
  };

  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => void toggle());
  pswp.on("change", () => {
    close();
    button.hidden = !shown(pswp)?.dataset.tiles;
  });
  pswp.on("destroy", close);
  pswp.on("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey } = event.originalEvent;
    if (key.toLowerCase() === KEY && !ctrlKey && !metaKey && !altKey) void toggle();
    else if (open && key === "Escape") close();
    else if (!open || !AWAY.has(key)) return;
    event.preventDefault(); // what PhotoSwipe would do with it
  });
}

/**
 * @param {HTMLElement} lightbox
 */
function cover(lightbox) {
  const element = document.createElement("div");
  element.className = "pswp__deepzoom";
  for (const kind of ["pointerdown", "wheel", "click", "touchstart"]) {
    element.addEventListener(kind, (event) => event.stopPropagation());
  }
  lightbox.append(element);
  return { element, destroy: () => {} };
}

/**
 * @param {HTMLElement} element
 * @param {string} url of an info.json
 * @returns {Promise<() => void>} ends it
 */
async function hang(element, url) {
  const { default: OpenSeadragon } = await import("openseadragon");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = OpenSeadragon({
    element,
    tileSources: url,
    showNavigationControl: false,
    animationTime: still ? 0 : 0.6,
    maxZoomPixelRatio: 3,
    visibilityRatio: 0.6,
    drawer: "canvas",
    gestureSettingsMouse: { clickToZoom: true },
  });
  await new Promise((resolve, reject) => {
    viewer.addOnceHandler("open", resolve);
    viewer.addOnceHandler("open-failed", reject);
  });
  viewer.canvas.setAttribute("aria-label", "The picture from close by: arrow keys move it, + and − zoom.");
  viewer.canvas.focus();
  return () => viewer.destroy();
}
