// Thumbhashes behind pictures that have not arrived yet.

import { thumbHashToDataURL } from "thumbhash";

/** @type {Element[]} links whose turn has not come, the first one first */
const waiting = [];

/**
 * Each is drawn when its place comes near, in a task of its own: many at once would hold up a phone.
 * @param {ParentNode} where what to look through
 */
export function paintPlaceholders(where) {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        if (waiting.push(target) === 1) setTimeout(paintNext);
      }
    },
    { rootMargin: "50% 0px" },
  );
  for (const link of where.querySelectorAll("a[data-placeholder]")) observer.observe(link);
}

function paintNext() {
  const link = waiting.shift();
  if (link) paint(link);
  if (waiting.length) setTimeout(paintNext);
}

/** @param {Element} link around a picture */
function paint(link) {
  const image = link.querySelector("img");
  if (!(link instanceof HTMLElement) || !image || image.complete) return;
  const url = placeholderUrl(link.dataset.placeholder ?? "");
  if (!url) return;
  image.style.background = `url("${url}") 0 0 / 100% 100%`;
  image.addEventListener("load", () => image.style.removeProperty("background"), { once: true });
}

/**
 * @param {string} text a thumbhash in base64
 * @returns {string | null} a picture as data: URL, or nothing where the text is no thumbhash
 */
export function placeholderUrl(text) {
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return bytes.length >= 5 ? thumbHashToDataURL(bytes) : null;
  } catch {
    return null;
  }
}
