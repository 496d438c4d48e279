// The parts of one file, several at once, each with a URL that is fresh when it is used.

import { aborted, CannotSend, Refused } from "./failures.js";
import { partCount, partRange } from "./parts.js";
import { persist } from "./retry.js";

export const LANES = 4;
const URLS_AT_ONCE = 100;
const RENEWALS = 3;

/**
 * Send every part that `upload.etags` lacks. Rejects with the first failure that trying again
 * does not mend, after all other parts have stopped.
 * @param {import("./client.js").Upload} upload
 * @param {AbortSignal} signal
 */
export async function sendParts(upload, signal) {
  const session = upload.session;
  if (!session?.part_size) throw new CannotSend("The server did not say how large a part is.");
  const partSize = session.part_size;
  const all = Array.from({ length: partCount(upload.source.size, partSize) }, (_, index) => index + 1);
  const missing = all.filter((number) => !upload.etags.has(number));
  const urls = new Urls(upload, missing, signal);
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  upload.showSending();

  const lane = async () => {
    for (let number = missing.shift(); number !== undefined; number = missing.shift()) {
      if (either.aborted) throw aborted();
      await upload.noteArrived(number, await sendPart(upload, urls, number, partSize, either));
    }
  };
  /** @type {unknown} */
  let first = null;
  const lanes = Array.from({ length: LANES }, () =>
    lane().catch((fault) => {
      first ??= fault;
      failed.abort();
    }),
  );
  await Promise.all(lanes);
  if (first) throw signal.aborted ? aborted() : first;
}

/**
 * @param {import("./client.js").Upload} upload
 * @param {Urls} urls
 * @param {number} number
 * @param {number} partSize
 * @param {AbortSignal} signal
 * @returns {Promise<string>} the ETag
 */
async function sendPart(upload, urls, number, partSize, signal) {
  const { start, stop } = partRange(number, upload.source.size, partSize);
  for (let renewals = 0; ; renewals += 1) {
    const url = await urls.take(number);
    try {
      const etag = await upload.send(number, { url }, upload.source.slice(start, stop), signal);
      if (etag) return etag;
      throw new CannotSend(
        "The storage does not let this page read the ETag of a part: its CORS rules have to expose it.",
      );
    } catch (fault) {
      // Past its time, or signed with a key that is no longer good: ask for another one.
      if (!(fault instanceof Refused) || fault.status !== 403 || renewals >= RENEWALS) throw fault;
      urls.forget();
    }
  }
}

/** URLs by part, those of the first answer to begin with, then a hundred at a time as needed. */
class Urls {
  /** @type {Promise<void> | null} */
  #asking = null;

  /**
   * @param {import("./client.js").Upload} upload
   * @param {number[]} missing parts not yet begun; shared with the lanes
   * @param {AbortSignal} signal
   */
  constructor(upload, missing, signal) {
    this.upload = upload;
    this.missing = missing;
    this.signal = signal;
    this.known = new Map((upload.session?.parts ?? []).map((part) => [part.part_number, part.url]));
  }

  /**
   * @param {number} number
   * @returns {Promise<string>}
   */
  async take(number) {
    while (!this.known.has(number)) {
      this.#asking ??= this.#ask(number).finally(() => {
        this.#asking = null;
      });
      await this.#asking;
    }
    return this.known.get(number) ?? "";
  }

  /** All of one answer are past their time together. */
  forget() {
    this.known.clear();
  }

  /** @param {number} number */
  async #ask(number) {
    const { api, patience } = this.upload.parts;
    const next = this.missing.filter((one) => !this.known.has(one)).slice(0, URLS_AT_ONCE - 1);
    const numbers = [...new Set([number, ...next])];
    const id = this.upload.session?.id ?? "";
    const signed = await persist(() => api.sign(id, numbers, this.signal), this.signal, patience);
    for (const part of signed) this.known.set(part.part_number, part.url);
    if (!this.known.has(number)) throw new CannotSend("The server gave no address for a part.");
  }
}
