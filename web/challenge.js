// The proof of work of sign-in and registration; the work itself is done in workers.
import { ask, startChallenge, workersOf } from "./challenge/widget.js";

for (const box of document.querySelectorAll("[data-challenge]")) {
  if (!(box instanceof HTMLElement)) continue;
  void startChallenge(box, { ask, work: workersOf(box.dataset.worker ?? ""), later });
}

/**
 * Nobody works for a page that nobody looks at.
 * @param {() => void} work
 * @param {number} ms
 */
function later(work, ms) {
  setTimeout(() => (document.hidden ? document.addEventListener("visibilitychange", work, { once: true }) : work()), ms);
}
