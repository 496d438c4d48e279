// What the camera wrote down: a panel beside the picture, asked for when it is opened.

import { factsOf } from "../facts.js";
import { shown } from "./shown.js";

/** @typedef {import("photoswipe").default} PhotoSwipe */

const KEY = "i";

/** @param {PhotoSwipe} pswp */
export function addDetails(pswp) {
  const panel = document.createElement("aside");
  panel.id = "pswp-details";
  panel.className = "pswp__details";
  panel.hidden = true;
  panel.setAttribute("aria-label", "Details");
  panel.tabIndex = 0; // it may be longer than the window

  pswp.on("uiRegister", () => {
    pswp.ui?.registerElement({
      name: "details",
      order: 7.6,
      isButton: true,
      title: "Details (I)",
      html: {
        isCustomSVG: true,
        inner:
          '<path d="M16 6a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 1.8a8.2 8.2 0 1 1 0 16.4 8.2 8.2 0 0 1 0-16.4zm-1 6.7h2v7h-2zm0-4h2v2.2h-2z" id="pswp__icn-details"/>',
        outlineID: "pswp__icn-details",
      },
      onInit: (button) => connect(pswp, button, panel),
    });
  });
}

/**
 * @param {PhotoSwipe} pswp
 * @param {HTMLElement} button
 * @param {HTMLElement} panel
 */
function connect(pswp, button, panel) {
  pswp.element?.append(panel);
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", panel.id);
  const show = () => void (panel.hidden || fill(panel, shown(pswp)));
  const toggle = () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
    show();
  };
  button.addEventListener("click", toggle);
  pswp.on("change", show);
  pswp.on("keydown", ({ originalEvent: event }) => {
    if (event.key.toLowerCase() === KEY && !event.ctrlKey && !event.metaKey && !event.altKey) toggle();
  });
  // Pointers on the panel are the panel's: PhotoSwipe would drag the picture or close.
  for (const kind of ["pointerdown", "click", "wheel"]) panel.addEventListener(kind, (event) => event.stopPropagation());
}

/**
 * @param {HTMLElement} panel
 * @param {HTMLAnchorElement | null} link
 */
async function fill(panel, link) {
  const wanted = link?.dataset.info ?? "";
  panel.dataset.wanted = wanted;
  const answer = wanted ? await ask(wanted) : null;
  if (panel.dataset.wanted !== wanted) return; // another picture is shown by now
  const rows = factsOf(answer, link?.dataset ?? {});
  const list = document.createElement("dl");
  for (const [name, text] of rows) {
    const [term, fact] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, fact.textContent] = [name, text];
    list.append(term, fact);
  }
  panel.replaceChildren(list, ...waysOf(link?.dataset.links));
}

/**
 * What only those may do who look after the picture.
 * @param {string | undefined} links where links to it are made
 * @returns {HTMLElement[]}
 */
function waysOf(links) {
  if (!links) return [];
  const [line, way] = [document.createElement("p"), document.createElement("a")];
  way.href = links;
  way.textContent = "Links to this picture";
  line.append(way);
  return [line];
}

/**
 * @param {string} url
 * @returns {Promise<import("../facts.js").Info | null>} nothing where it cannot be had
 */
async function ask(url) {
  try {
    const answer = await fetch(url, { headers: { accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
