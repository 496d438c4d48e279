// Thumbhashes behind pictures that have not arrived yet.

import { thumbHashToDataURL } from "thumbhash";

/**
 * @param {ParentNode} where what to look through
 */
export function paintPlaceholders(where) {
  for (const link of where.querySelectorAll("a[data-placeholder]")) {
    const image = link.querySelector("img");
    if (!(link instanceof HTMLElement) || !image || image.complete) continue;
    const url = placeholderUrl(link.dataset.placeholder ?? "");
    if (!url) continue;
    image.style.backgroundImage = `url("${url}")`;
    image.style.backgroundSize = "100% 100%";
    const clear = () => image.style.removeProperty("background-image");
    image.addEventListener("load", clear, { once: true });
  }
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
