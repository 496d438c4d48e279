// Trying again: later and later, not all at the same moment, and not while there is no network.

import { aborted, isAborted, isPassing, Refused } from "./failures.js";

/**
 * @typedef {object} Patience
 * @property {number} attempts in all
 * @property {number} firstMs upper bound of the first pause
 * @property {number} longestMs upper bound of every pause
 * @property {() => number} random from 0 to below 1
 * @property {(ms: number, signal: AbortSignal) => Promise<void>} sleep
 * @property {(signal: AbortSignal) => Promise<void>} online ends when there is a network
 */

/** @type {Patience} */
export const patience = {
  attempts: 8,
  firstMs: 500,
  longestMs: 30_000,
  random: Math.random,
  sleep,
  online,
};

/**
 * Full jitter between half and all of an exponentially growing bound; what the server asks for
 * with Retry-After is kept to.
 * @param {number} attempt failed attempts so far, from 1
 * @param {Patience} how
 * @param {unknown} fault
 * @returns {number} milliseconds
 */
export function pauseBefore(attempt, how, fault) {
  const bound = Math.min(how.longestMs, how.firstMs * 2 ** (attempt - 1));
  const own = bound / 2 + (how.random() * bound) / 2;
  const asked = fault instanceof Refused && fault.retryAfterS ? fault.retryAfterS * 1000 : 0;
  return Math.max(own, asked);
}

/**
 * Run `work` until it succeeds, fails for good, or has used up all attempts.
 * @template T
 * @param {() => Promise<T>} work
 * @param {AbortSignal} signal
 * @param {Patience} how
 * @param {(fault: unknown, attempt: number) => void} [onFault] told of every failure that is tried again
 * @returns {Promise<T>}
 */
export async function persist(work, signal, how, onFault = () => {}) {
  for (let attempt = 1; ; attempt += 1) {
    if (signal.aborted) throw aborted();
    try {
      return await work();
    } catch (fault) {
      if (isAborted(fault) || !isPassing(fault) || attempt >= how.attempts) throw fault;
      onFault(fault, attempt);
      await how.sleep(pauseBefore(attempt, how, fault), signal);
      await how.online(signal);
    }
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(aborted());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function online(signal) {
  if (navigator.onLine !== false) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const go = () => {
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const stop = () => {
      removeEventListener("online", go);
      reject(aborted());
    };
    addEventListener("online", go, { once: true });
    signal.addEventListener("abort", stop, { once: true });
  });
}
