// Pictures one after the other. It runs until its button, the end, or any other wish of the visitor.

/** @typedef {import("photoswipe").default} PhotoSwipe */
/** @typedef {import("../pages.js").Pages} Pages */

const EACH_MS = 5000;
const KEY = "s";
const PLAY = "M11 8.5v15l12-7.5z";
const PAUSE = "M11 9h3.4v14H11zm6.6 0H21v14h-3.4z";

/**
 * @param {PhotoSwipe} pswp
 * @param {Pages} pages
 */
export function addSlideshow(pswp, pages) {
  pswp.on("uiRegister", () => {
    pswp.ui?.registerElement({
      name: "slideshow",
      order: 7.5,
      isButton: true,
      title: "Slideshow (S)",
      html: { isCustomSVG: true, inner: `<path d="${PLAY}" id="pswp__icn-slideshow"/>`, outlineID: "pswp__icn-slideshow" },
      onInit: (button) => connect(pswp, pages, button),
    });
  });
}

/**
 * @param {PhotoSwipe} pswp
 * @param {Pages} pages
 * @param {HTMLElement} button
 */
function connect(pswp, pages, button) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let running = false;

  const set = (/** @type {boolean} */ on) => {
    running = on;
    clearTimeout(timer);
    button.setAttribute("aria-pressed", String(on));
    button.querySelector("path")?.setAttribute("d", on ? PAUSE : PLAY);
    if (on) wait();
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(step, EACH_MS);
  };
  const step = async () => {
    if (!running) return;
    if (isLoading(pswp)) return wait(); // a picture that has not come is not skipped
    if (pswp.currIndex + 1 >= pswp.getNumItems() && !(await pages.more().catch(() => false))) return set(false);
    pswp.next();
    wait();
  };

  set(false);
  button.addEventListener("click", () => set(!running));
  pswp.on("keydown", ({ originalEvent: event }) => {
    const isOurs = event.key.toLowerCase() === KEY && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isOurs) set(!running);
    else if (running && event.key.startsWith("Arrow")) set(false);
  });
  pswp.on("pointerDown", () => running && set(false));
  pswp.on("destroy", () => set(false));
}

/** @param {PhotoSwipe} pswp */
function isLoading(pswp) {
  return pswp.currSlide?.content.state === "loading";
}
