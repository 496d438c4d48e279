// Pictures that do not come. Some browsers draw a sign of their own there, over any style; so the
// picture becomes one that shows nothing, and the style sheet says what is the matter. What it is
// called stays, for those who have it read aloud.

const NOTHING = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/** Begins before the first picture does; errors of pictures do not bubble, but they are captured. */
export function coverBrokenPictures() {
  document.addEventListener("error", ({ target }) => target instanceof HTMLImageElement && cover(target), true);
}

/** @param {HTMLImageElement} image */
function cover(image) {
  if (!image.closest("main") || "broken" in image.dataset) return; // the lightbox sees to its own
  image.dataset.broken = "";
  image.removeAttribute("srcset");
  image.src = NOTHING;
}
