// Further pages of an album, hung below the first one when its end comes near. What the server
// sends is the very page that the link leads to; where that fails, the link stays a link.

/**
 * @typedef {object} Pages
 * @property {number} total pictures in the album
 * @property {() => Promise<boolean>} more hangs the next page; false where there is none
 */

/**
 * @param {HTMLElement} wall
 * @param {(added: ParentNode) => void} onAdded
 * @returns {Pages}
 */
export function followPages(wall, onAdded) {
  const total = Number(wall.dataset.total);
  const status = document.querySelector("[data-wall-status]");
  /** @type {Promise<boolean> | null} */
  let running = null;

  const more = () => {
    running ??= hangNext(wall, onAdded)
      .then((hung) => {
        if (hung && status) status.textContent = `${wall.children.length} of ${total} pictures`;
        return hung;
      })
      .finally(() => {
        running = null;
      });
    return running;
  };

  const nav = document.querySelector("[data-pages]");
  if (nav && nextLink()) watch(nav, more);
  return { total, more };
}

/**
 * @param {Element} nav
 * @param {() => Promise<boolean>} more
 */
function watch(nav, more) {
  const observer = new IntersectionObserver(
    async (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.unobserve(nav);
      if (await more().catch(() => false)) observer.observe(nav);
    },
    { rootMargin: "100% 0px" },
  );
  observer.observe(nav);
}

/** @returns {HTMLAnchorElement | null} */
function nextLink() {
  return document.querySelector("[data-pages] a[rel~='next']");
}

/**
 * @param {HTMLElement} wall
 * @param {(added: ParentNode) => void} onAdded
 */
async function hangNext(wall, onAdded) {
  const next = nextLink();
  if (!next) return false;
  const answer = await fetch(next.href, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Error(`The next page answered ${answer.status}.`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const added = document.createDocumentFragment();
  added.append(...[...(page.querySelector("[data-wall]")?.children ?? [])].map(adopt));
  onAdded(added);
  wall.append(added);
  const after = page.querySelector("[data-pages] a[rel~='next']");
  if (after instanceof HTMLAnchorElement) next.href = after.getAttribute("href") ?? next.href;
  else document.querySelector("[data-pages]")?.setAttribute("hidden", "");
  if (!after) next.remove();
  return true;
}

/** @param {Element} element of the other document */
function adopt(element) {
  return document.adoptNode(element);
}
