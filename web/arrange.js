// Pictures of the page "arrange": hung earlier and later without loading the page again, and
// dragged. Every drag ends in the same request that the buttons make.

import { beside, neighbour } from "./arrange/order.js";
import { makeDraggable } from "./arrange/drag.js";

const list = document.querySelector("[data-pieces]");
if (list instanceof HTMLElement) arrange(list);

/** @param {HTMLElement} list */
function arrange(list) {
  document.querySelector("[data-drag-hint]")?.removeAttribute("hidden");
  list.addEventListener("submit", (event) => step(list, /** @type {SubmitEvent} */ (event)));
  makeDraggable(list, (piece, back) => drop(list, piece, back));
}

/**
 * @param {HTMLElement} list
 * @param {SubmitEvent} event
 */
async function step(list, event) {
  const { target, submitter } = event;
  if (!(target instanceof HTMLFormElement) || !target.matches("[data-steps]")) return;
  if (!(submitter instanceof HTMLButtonElement)) return;
  const piece = /** @type {HTMLElement} */ (target.closest("[data-piece]"));
  const next = neighbour(list, piece, submitter.value);
  if (next === undefined) return; // it leaves this page: the form goes as it is
  event.preventDefault();
  if (!(await send(target, { action: submitter.value }))) return;
  list.insertBefore(piece, next);
  submitter.focus(); // it has been taken out and put in again
  piece.scrollIntoView({ block: "nearest" });
  say(list, piece);
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} piece where it was let go
 * @param {() => void} back puts it where it was
 */
async function drop(list, piece, back) {
  const form = piece.querySelector("form[data-steps]");
  const where = beside(piece);
  if (!(form instanceof HTMLFormElement) || !where) return;
  if (await send(form, where)) say(list, piece);
  else back();
}

/**
 * @param {HTMLFormElement} form
 * @param {Record<string, string>} fields
 * @returns {Promise<boolean>} it was done
 */
async function send(form, fields) {
  const fault = document.querySelector("[data-arrange-fault]");
  fault?.setAttribute("hidden", "");
  try {
    // Not form.action: that is its buttons, which are called so.
    const answer = await fetch(form.getAttribute("action") ?? "", {
      method: "POST",
      body: new URLSearchParams(fields),
      redirect: "manual", // the page that would come next is the one that is here
    });
    if (answer.type === "opaqueredirect") return true;
    const told = await answer.json().catch(() => ({}));
    throw new Error(told.error ?? `The server answered ${answer.status}.`);
  } catch (error) {
    if (fault) {
      fault.textContent = error instanceof TypeError ? "The server cannot be reached." : String(Object(error).message);
      fault.removeAttribute("hidden");
    }
    return false;
  }
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} piece
 */
function say(list, piece) {
  const status = document.querySelector("[data-arranged]");
  const first = list instanceof HTMLOListElement ? list.start : 1;
  const number = first + [...list.children].indexOf(piece);
  if (status) status.textContent = `${piece.dataset.name} hangs at place ${number}.`;
}
