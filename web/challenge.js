// The proof of work of sign-in and registration: ALTCHA's widget, with its worker from this server,
// so that the page's policy can stay as it is.
import "altcha/external";

const worker = document.querySelector("[data-challenge-worker]")?.dataset.challengeWorker;
if (worker) globalThis.$altcha.algorithms.set("PBKDF2/SHA-256", () => new Worker(worker));
