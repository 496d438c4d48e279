// What stands in a form in the place of a puzzle: the browser works for about a second, says so, and
// puts the answer into a hidden field. Who sends the form earlier is let through when it is there.

/** @typedef {import("./solve.js").Parameters} Parameters */
/** @typedef {import("./solve.js").Solution} Solution */
/** @typedef {{parameters: Parameters, signature: string}} Challenge */

const WORKERS = 2;
const SPARE_MS = 10_000; // so long before a challenge ends the next one is asked for

const WORDS = {
  working: "Checking your browser: about a second…",
  done: "Verified",
  failed: "The check could not be made.",
  impossible: "Browsers make this check on https pages only.",
};

/**
 * @typedef {object} Ways
 * @property {(url: string) => Promise<{challenge: Challenge, leftMs: number | null}>} ask how long it may be solved beside it
 * @property {(challenge: Challenge) => Promise<Solution>} work
 * @property {(work: () => void, ms: number) => void} later
 */

/**
 * @param {HTMLElement} box with a hidden field, a line for words, and a button to try again
 * @param {Ways} ways
 */
export function startChallenge(box, ways) {
  const field = /** @type {HTMLInputElement} */ (box.querySelector("input"));
  const line = /** @type {HTMLElement} */ (box.querySelector("[role=status]"));
  const again = /** @type {HTMLButtonElement} */ (box.querySelector("button"));
  /** @type {HTMLElement | null | undefined} the button by which the form was sent too early */
  let held;

  const show = (/** @type {keyof typeof WORDS} */ state) => {
    box.dataset.state = state;
    line.textContent = WORDS[state];
    again.hidden = state !== "failed";
  };
  const begin = async () => {
    field.value = "";
    if (!globalThis.crypto?.subtle) return show("impossible");
    show("working");
    try {
      const { challenge, leftMs } = await ways.ask(box.dataset.challenge ?? "");
      const solution = await ways.work(challenge);
      field.value = btoa(JSON.stringify({ challenge, solution }));
      if (leftMs !== null) ways.later(() => void begin(), Math.max(leftMs - SPARE_MS, SPARE_MS));
    } catch {
      held = undefined;
      return show("failed");
    }
    show("done");
    if (held !== undefined) field.form?.requestSubmit(held);
  };

  field.form?.addEventListener("submit", (event) => {
    if (field.value || box.dataset.state !== "working") return; // the server says what is wrong
    event.preventDefault();
    held = /** @type {SubmitEvent} */ (event).submitter;
  });
  again.addEventListener("click", () => void begin());
  // Back from the next page: what was sent counts once.
  addEventListener("pageshow", ({ persisted }) => persisted && void begin());
  return begin();
}

/**
 * @param {string} url
 * @returns {Promise<{challenge: Challenge, leftMs: number | null}>}
 */
export async function ask(url) {
  const answer = await fetch(url, { cache: "no-store" });
  if (!answer.ok) throw new Error(`The challenge answered ${answer.status}.`);
  /** @type {Challenge} */
  const challenge = await answer.json();
  const { expiresAt } = challenge.parameters;
  // by the server's clock: this one may be wrong
  const now = Date.parse(answer.headers.get("date") ?? "") || Date.now();
  return { challenge, leftMs: expiresAt ? expiresAt * 1000 - now : null };
}

/**
 * @param {string} url of the worker's script
 * @returns {(challenge: Challenge) => Promise<Solution>} the first one's that finds it
 */
export function workersOf(url) {
  return ({ parameters }) =>
    new Promise((resolve, reject) => {
      const end = (/** @type {() => void} */ how) => {
        for (const worker of workers) worker.terminate();
        how();
      };
      const workers = Array.from({ length: WORKERS }, (_, start) => {
        const worker = new Worker(url);
        worker.addEventListener("message", ({ data }) => end(() => resolve(data)));
        worker.addEventListener("error", () => end(() => reject(new Error("A worker failed."))));
        worker.postMessage({ parameters, start, step: WORKERS });
        return worker;
      });
    });
}
