// Numbers for people. 1 MB is 1024² bytes.

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/**
 * @param {number} bytes
 * @returns {string} `12.3 MB`
 */
export function sizeText(bytes) {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  const digits = power === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${power === 0 && bytes === 1 ? "byte" : UNITS[power]}`;
}

/**
 * @param {number} seconds
 * @returns {string} `about 3 minutes`
 */
export function durationText(seconds) {
  if (seconds < 10) return "a few seconds";
  if (seconds < 90) return `about ${Math.round(seconds / 10) * 10} seconds`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} minutes`;
  return `about ${Math.round(seconds / 3600)} hours`;
}

/** Bytes a second over the last ten seconds: what was long ago says nothing about now. */
export class Speed {
  /** @type {{at: number, bytes: number}[]} */
  #points = [];

  /**
   * @param {number} at milliseconds
   * @param {number} bytes sent so far
   */
  note(at, bytes) {
    const last = this.#points.at(-1);
    if (last && bytes < last.bytes) this.#points = []; // a part began again
    this.#points.push({ at, bytes });
    while (this.#points.length > 2 && this.#points[0].at < at - 10_000) this.#points.shift();
  }

  /** @returns {number} 0 where nothing can be said yet */
  get perSecond() {
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    if (!first || !last || last.at - first.at < 1000) return 0;
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
  }
}
