// At most so many at once, first come, first served.

import { aborted } from "./failures.js";

export class Slots {
  /** @param {number} count */
  constructor(count) {
    this.free = count;
    /** @type {(() => void)[]} */
    this.waiting = [];
  }

  /**
   * @template T
   * @param {AbortSignal} signal ends the wait, not the work
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async run(signal, work) {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  /** @param {AbortSignal} signal */
  async #take(signal) {
    if (signal.aborted) throw aborted();
    if (this.free > 0) {
      this.free -= 1;
      return;
    }
    await new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener("abort", stop);
        resolve(undefined);
      };
      const stop = () => {
        this.waiting.splice(this.waiting.indexOf(go), 1);
        reject(aborted());
      };
      this.waiting.push(go);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  #give() {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}
