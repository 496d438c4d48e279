// Uploads of an earlier visit: choose the file again, and it goes on where it stopped.

import { sizeText } from "./words.js";

/**
 * @param {HTMLElement} section
 * @param {string} account
 * @param {{api: import("./api.js").Api, store: import("./store.js").Store}} parts
 * @param {import("./queue.js").Queue} queue those that are under way here are no news
 */
export async function showUnfinished(section, account, parts, queue) {
  const under = new Set(queue.uploads.map((upload) => upload.key));
  const mine = (await parts.store.all()).filter(
    (one) => !under.has(one.key) && JSON.parse(one.key)[0] === account,
  );
  const list = section.querySelector("ul");
  section.hidden = mine.length === 0;
  list?.replaceChildren(
    ...mine.map((one) => {
      const item = document.createElement("li");
      const text = document.createElement("span");
      text.textContent = `${one.name} · ${sizeText(one.size)} · ${one.collection}`;
      const discard = document.createElement("button");
      discard.type = "button";
      discard.className = "quiet";
      discard.textContent = "Discard";
      discard.setAttribute("aria-label", `Discard ${one.name}`);
      discard.addEventListener("click", async () => {
        discard.disabled = true;
        await parts.api.abort(one.id).catch(() => {});
        await parts.store.remove(one.key);
        await showUnfinished(section, account, parts, queue);
      });
      item.append(text, discard);
      return item;
    }),
  );
}
