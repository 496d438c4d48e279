// The page around the uploads: choosing and dropping files, the list, the sum, what is read aloud.

import { serverApi } from "./api.js";
import { Upload } from "./client.js";
import { chosenFiles, droppedFiles } from "./folders.js";
import { LANES } from "./multipart.js";
import { putBytes } from "./put.js";
import { Queue } from "./queue.js";
import { patience } from "./retry.js";
import { makeRow } from "./row.js";
import { Slots } from "./slots.js";
import { browserStore } from "./store.js";
import { showUnfinished } from "./unfinished.js";
import { durationText, sizeText, Speed } from "./words.js";

/** @typedef {import("./folders.js").Found} Found */

const BETWEEN_TOTALS = 100; // files of a large folder that are added without a new sum

/**
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {HTMLElement}
 */
function one(selector, within = document) {
  const found = within.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`The page lacks ${selector}.`);
  return found;
}

/** @param {HTMLFormElement} form */
export function startPage(form) {
  const input = /** @type {HTMLInputElement} */ (one("input[type=file]", form));
  const list = one("[data-upload-list]");
  const template = /** @type {HTMLTemplateElement} */ (one("[data-upload-row]"));
  const queue = new Queue();
  const speed = new Speed();
  const base = form.dataset.base ?? "";
  const parts = {
    base,
    api: serverApi(base),
    put: putBytes,
    store: browserStore(),
    slots: new Slots(LANES),
    patience,
    reach: reacher(form.dataset.publicUrl ?? "", location.origin + base),
    now: Date.now,
  };
  const paintTotals = () => showTotals(queue, speed);

  /** @param {Found} found */
  const addOne = ({ file, path }) => {
    const upload = new Upload(file, targetOf(form), parts, onChange);
    const row = makeRow(template, upload, path, {
      toggle: () => toggle(queue, upload),
      cancel: () => dismiss(queue, upload, row.item, paintTotals),
    });
    rows.set(upload, row);
    list.append(row.item);
    queue.add(upload);
  };
  /** @param {Iterable<Found> | AsyncIterable<Found>} found */
  const add = async (found) => {
    let count = 0;
    try {
      for await (const one of found) {
        addOne(one);
        count += 1;
        if (count % BETWEEN_TOTALS === 1) paintTotals();
      }
      if (count === 0) say("There is no file in it.");
    } catch {
      say("A folder could not be read to its end.");
    }
    paintTotals();
  };
  /** @type {Map<Upload, {item: HTMLElement, paint: () => void}>} */
  const rows = new Map();
  /** @type {Map<Upload, string>} */
  const said = new Map();
  const onChange = (/** @type {Upload} */ upload) => {
    rows.get(upload)?.paint();
    paintTotals();
    if (said.get(upload) === upload.state) return;
    said.set(upload, upload.state);
    announce(upload, queue);
    if (upload.state === "done") void unfinished();
  };
  const unfinished = () => showUnfinished(one("[data-unfinished]"), form.dataset.account ?? "", parts, queue);

  enhance(form, input, (found) => void add(found));
  addEventListener("beforeunload", (event) => {
    if (queue.isBusy) event.preventDefault();
  });
  void unfinished();
}

/**
 * Signed URLs of the server's own storage begin with its public address; where this page was
 * opened under another one (localhost and 127.0.0.1), they are asked for under that.
 * @param {string} publicUrl without a slash at its end
 * @param {string} origin of this page, with the path that the server is below
 */
export function reacher(publicUrl, origin) {
  return (/** @type {string} */ url) =>
    publicUrl && url.startsWith(`${publicUrl}/storage/`) ? origin + url.slice(publicUrl.length) : url;
}

/**
 * @param {HTMLFormElement} form
 * @returns {import("./client.js").Target}
 */
function targetOf(form) {
  const data = new FormData(form);
  const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
  return {
    collection: text("collection"),
    account: form.dataset.account ?? "",
    ...(text("title") ? { title: text("title") } : {}),
    ...(text("note") ? { note: text("note") } : {}),
  };
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 * @param {(found: Iterable<Found> | AsyncIterable<Found>) => void} add
 */
function enhance(form, input, add) {
  form.dataset.upload = "live";
  form.addEventListener("submit", (event) => event.preventDefault());
  const folder = /** @type {HTMLInputElement} */ (one("[data-folder]", form));
  for (const chooser of [input, folder]) {
    chooser.addEventListener("change", () => {
      add(chosenFiles(chooser.files ?? []));
      chooser.value = ""; // so that the same file can be chosen again
    });
  }
  const zone = one("[data-drop]", form);
  let depth = 0;
  const over = (/** @type {boolean} */ on) => zone.toggleAttribute("data-over", on);
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    over(true);
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) over(false);
  });
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    add(droppedFiles(event.dataTransfer));
  });
}

/**
 * @param {Queue} queue
 * @param {Upload} upload
 */
function toggle(queue, upload) {
  if (upload.isActive || upload.state === "waiting") {
    upload.pause();
    queue.next();
  } else {
    void upload.start().then(() => queue.next());
  }
}

/**
 * @param {Queue} queue
 * @param {Upload} upload
 * @param {HTMLElement} item
 * @param {() => void} paintTotals
 */
async function dismiss(queue, upload, item, paintTotals) {
  const neighbour = item.nextElementSibling ?? item.previousElementSibling;
  const ended = upload.cancel();
  queue.remove(upload);
  item.remove();
  paintTotals();
  const focus = neighbour?.querySelector("button:not([hidden])") ?? document.querySelector("input[type=file]");
  if (focus instanceof HTMLElement) focus.focus();
  await ended;
}

/**
 * @param {Queue} queue
 * @param {Speed} speed
 */
function showTotals(queue, speed) {
  const { files, done, failed, bytes, sent } = queue.totals;
  one("[data-uploads]").hidden = files === 0;
  const bar = /** @type {HTMLProgressElement} */ (one("[data-total-bar]"));
  bar.value = bytes ? sent / bytes : 0;
  speed.note(Date.now(), sent);
  const rate = queue.isBusy ? speed.perSecond : 0;
  const words = [`${done} of ${files} ${files === 1 ? "file" : "files"}`];
  if (failed) words.push(`${failed} failed`);
  words.push(`${sizeText(sent)} of ${sizeText(bytes)}`);
  if (rate > 0 && sent < bytes) {
    words.push(`${sizeText(rate)}/s`, `${durationText((bytes - sent) / rate)} left`);
  }
  one("[data-total]").textContent = words.join(" · ");
}

/**
 * Milestones only: progress read aloud at every byte would be noise.
 * @param {Upload} upload
 * @param {Queue} queue
 */
function announce(upload, queue) {
  const { files, done } = queue.totals;
  const name = upload.source.name;
  const words = {
    done: `${name} is published. ${done} of ${files} done.`,
    failed: `${name} failed: ${upload.message}`,
    paused: `${name} is paused.`,
    cancelled: `${name} was cancelled.`,
  };
  const text = words[/** @type {keyof typeof words} */ (upload.state)];
  if (text) say(text);
}

/** @param {string} text to be read aloud */
function say(text) {
  one("[data-announce]").textContent = text;
}
