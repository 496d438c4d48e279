// All files of the page: a few at a time, the sum of their progress.

/** @typedef {import("./client.js").Upload} Upload */

export const FILES_AT_ONCE = 3;

export class Queue {
  /** @type {Upload[]} */
  uploads = [];

  /** @param {Upload} upload */
  add(upload) {
    this.uploads.push(upload);
    this.next();
  }

  /** Start as many of those that wait as there is room for. */
  next() {
    let active = 0; // counted once: of thousands this is asked at each one's end
    for (const upload of this.uploads) if (upload.isActive) active += 1;
    for (const upload of this.uploads) {
      if (active >= FILES_AT_ONCE) return;
      if (upload.state !== "waiting") continue;
      active += 1;
      void upload.start().then(() => this.next());
    }
  }

  /** @param {Upload} upload */
  remove(upload) {
    this.uploads = this.uploads.filter((one) => one !== upload);
    this.next();
  }

  /** Something would be lost if the page went away now. */
  get isBusy() {
    return this.uploads.some((one) => one.isActive || one.state === "waiting");
  }

  get totals() {
    const counted = this.uploads.filter((one) => one.state !== "cancelled");
    return {
      files: counted.length,
      done: counted.filter((one) => one.state === "done").length,
      failed: counted.filter((one) => one.state === "failed").length,
      bytes: counted.reduce((sum, one) => sum + one.source.size, 0),
      sent: counted.reduce((sum, one) => sum + one.sentBytes, 0),
    };
  }
}
