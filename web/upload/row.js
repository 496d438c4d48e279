// One line of the list of uploads.

import { sizeText } from "./words.js";

/** @typedef {import("./client.js").Upload} Upload */

/** @type {Record<import("./client.js").State, string>} */
const WORDS = {
  waiting: "Waiting",
  starting: "Starting",
  sending: "Sending",
  finishing: "Checking",
  paused: "Paused",
  done: "Published",
  failed: "Failed",
  cancelled: "Cancelled",
};

/**
 * @param {HTMLTemplateElement} template
 * @param {Upload} upload
 * @param {string} path what it is called here: its name, with the folders that it lay in
 * @param {{toggle: () => void, cancel: () => void}} actions
 */
export function makeRow(template, upload, path, actions) {
  const row = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const item = /** @type {HTMLElement} */ (row.firstElementChild);
  const find = (/** @type {string} */ name) =>
    /** @type {HTMLElement} */ (item.querySelector(`[data-${name}]`));
  const [bar, toggle, cancel] = [find("bar"), find("toggle"), find("cancel")];
  const name = path;
  find("name").textContent = name;
  bar.setAttribute("aria-label", `Progress of ${name}`);
  toggle.addEventListener("click", actions.toggle);
  cancel.addEventListener("click", actions.cancel);

  const paint = () => {
    item.dataset.state = upload.state;
    const part = upload.source.size ? upload.sentBytes / upload.source.size : 0;
    /** @type {HTMLProgressElement} */ (bar).value = upload.state === "done" ? 1 : part;
    find("status").textContent = statusText(upload, part);
    find("message").textContent = upload.message;
    const word = toggleWord(upload);
    toggle.hidden = word === "";
    toggle.textContent = word;
    toggle.setAttribute("aria-label", `${word} ${name}`);
    cancel.hidden = upload.state === "cancelled";
    cancel.textContent = upload.state === "done" ? "Hide" : "Cancel";
    cancel.setAttribute("aria-label", `${cancel.textContent} ${name}`);
    showLink(find("name"), upload);
  };
  paint();
  return { item, paint };
}

/**
 * @param {Upload} upload
 * @param {number} part 0 to 1
 */
function statusText(upload, part) {
  const size = sizeText(upload.source.size);
  if (upload.state === "sending" || (upload.state === "paused" && part > 0)) {
    return `${WORDS[upload.state]} · ${Math.floor(part * 100)} % of ${size}`;
  }
  return `${WORDS[upload.state]} · ${size}`;
}

/**
 * @param {Upload} upload
 * @returns {string} empty for none
 */
function toggleWord(upload) {
  if (upload.isActive || upload.state === "waiting") return "Pause";
  if (upload.state === "paused") return "Go on";
  return upload.state === "failed" ? "Try again" : "";
}

/**
 * @param {HTMLElement} name
 * @param {Upload} upload
 */
function showLink(name, upload) {
  if (upload.state !== "done" || !upload.file?.url || name.querySelector("a")) return;
  const link = document.createElement("a");
  const url = new URL(upload.file.url, location.href);
  link.href = upload.file.id ? `${upload.parts.base ?? ""}/files/${upload.file.id}` : url.href;
  link.textContent = name.textContent;
  name.replaceChildren(link);
}
