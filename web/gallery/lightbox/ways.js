// Ways into and out of the lightbox that PhotoSwipe does not know: keys that come early, and the
// browser's own back button.

/** @typedef {import("photoswipe").default} PhotoSwipe */

/**
 * PhotoSwipe listens to keys when it has opened: those that are pressed before wait for that.
 * @param {PhotoSwipe} pswp
 */
export function keepEarlyKeys(pswp) {
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
export function closeWithBackButton(pswp) {
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
