// One file on its way: begin, send, join, publish; stop and go on anywhere in between, also after
// the page, the server or the network has gone and come back.

import { aborted, CannotSend, ConnectionLost, FileChanged, isAborted, Refused } from "./failures.js";
import { wholeParts } from "./parts.js";
import { sendParts } from "./multipart.js";
import { persist } from "./retry.js";
import { keyOf } from "./store.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./api.js").Session} Session
 * @typedef {"waiting" | "starting" | "sending" | "finishing" | "paused" | "done" | "failed" | "cancelled"} State
 * @typedef {object} Parts
 * @property {Api} api
 * @property {string} [base] path that the server is below
 * @property {import("./put.js").Put} put
 * @property {import("./store.js").Store} store
 * @property {import("./slots.js").Slots} slots places for requests that carry bytes, of all files together
 * @property {import("./retry.js").Patience} patience
 * @property {(url: string) => string} reach a signed URL as this page can reach it
 * @property {() => number} now milliseconds since 1970
 * @typedef {object} Target
 * @property {string} collection
 * @property {string} account
 * @property {string} [title]
 * @property {string} [note]
 */

const ENDED = new Set(["aborted", "expired", "rejected"]);
const AGAIN = 3;

export class Upload {
  /** @type {State} */
  state = "waiting";
  /** @type {string} a sentence for people: why it failed, or what it is waiting for */
  message = "";
  /** @type {any} the published file */
  file = null;
  /** @type {Session | null} */
  session = null;
  /** @type {Map<number, string>} ETag of every part that has arrived, by number */
  etags = new Map();
  /** @type {Map<number, string>} every ETag that this browser was told, in this visit or earlier */
  told = new Map();
  /** @type {Map<number, number>} bytes that have left, by part; a file without parts is part 1 */
  sent = new Map();
  /** @type {number} bytes that were there already when we came back */
  kept = 0;

  #stop = new AbortController();
  /** @type {Promise<void>} */
  #running = Promise.resolve();

  /**
   * @param {File} source
   * @param {Target} target
   * @param {Parts} parts
   * @param {(upload: Upload) => void} onChange
   */
  constructor(source, target, parts, onChange = () => {}) {
    this.source = source;
    this.target = target;
    this.parts = parts;
    this.onChange = onChange;
    this.key = keyOf(source, target.collection, target.account);
    this.first = { size: source.size, lastModified: source.lastModified };
    this.startedAt = parts.now();
  }

  /** Bytes that have arrived or are on their way; never more than the file has. */
  get sentBytes() {
    if (this.state === "done") return this.source.size;
    let sum = 0;
    for (const bytes of this.sent.values()) sum += bytes;
    return Math.min(sum, this.source.size);
  }

  get isActive() {
    return ["starting", "sending", "finishing"].includes(this.state);
  }

  /** Begin, or go on after a pause or a failure. Never rejects: see `state` and `message`. */
  start() {
    if (this.isActive || this.state === "done" || this.state === "cancelled") return this.#running;
    const before = this.#running;
    this.#stop = new AbortController();
    this.#show("starting");
    this.#running = before.then(() => this.#run(this.#stop.signal));
    return this.#running;
  }

  /** Stop, keep everything that has arrived. */
  pause() {
    if (this.state !== "waiting" && !this.isActive) return;
    this.#show("paused");
    this.#stop.abort();
  }

  /** Stop for good: the server frees what has arrived and gives the quota back. */
  async cancel() {
    if (this.state === "done" || this.state === "cancelled") return;
    this.#show("cancelled");
    this.#stop.abort();
    await this.#running;
    await this.#forget({ abort: true });
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    try {
      if (this.source.size === 0) throw new CannotSend("An empty file is not accepted.");
      const session = await this.#begun(signal);
      await this.#finish(await this.#arrive(session, signal), signal);
    } catch (fault) {
      if (isAborted(fault) || signal.aborted) return; // pause and cancel have said so
      this.#show("failed", fault instanceof Error ? fault.message : String(fault));
    }
  }

  /**
   * The session of an earlier attempt, where it can go on, or else a new one.
   * @param {AbortSignal} signal
   * @returns {Promise<Session>}
   */
  async #begun(signal) {
    const kept = await this.parts.store.get(this.key);
    const id = this.session?.id ?? kept?.id;
    this.startedAt = kept?.startedAt ?? this.startedAt;
    for (const [number, etag] of Object.entries(kept?.etags ?? {})) this.told.set(Number(number), etag);
    const earlier = id ? await this.#earlier(id, signal) : null;
    if (earlier) return this.#adopt(earlier);
    return this.#adopt(await this.#create(signal));
  }

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   * @returns {Promise<Session | null>}
   */
  async #earlier(id, signal) {
    /** @type {Session} */
    let found;
    try {
      found = await this.#persist(() => this.parts.api.show(id, signal), signal);
    } catch (fault) {
      if (!(fault instanceof Refused) || ![403, 404, 410].includes(fault.status)) throw fault;
      await this.parts.store.remove(this.key);
      return null;
    }
    const other = found.size !== this.source.size || found.collection !== this.target.collection;
    if (!other && !ENDED.has(found.state)) return found;
    await this.parts.store.remove(this.key);
    return null;
  }

  /** @param {AbortSignal} signal */
  async #create(signal) {
    const wanted = {
      collection: this.target.collection,
      filename: this.source.name,
      size: this.source.size,
      ...(this.source.type ? { content_type: this.source.type } : {}),
    };
    const made = await this.#persist(() => this.parts.api.create(wanted, signal), signal);
    this.told.clear();
    this.startedAt = this.parts.now();
    await this.#remember(made.id);
    return made;
  }

  /** @param {string} id of the session */
  #remember(id) {
    return this.parts.store.put({
      key: this.key,
      id,
      collection: this.target.collection,
      name: this.source.name,
      size: this.source.size,
      startedAt: this.startedAt,
      etags: Object.fromEntries(this.told),
    });
  }

  /**
   * For the sender of parts: one is there, whole.
   * @param {number} number
   * @param {string} etag
   */
  async noteArrived(number, etag) {
    this.etags.set(number, etag);
    this.told.set(number, etag);
    if (this.session) await this.#remember(this.session.id);
  }

  /** @param {Session} session */
  #adopt(session) {
    this.session = session;
    this.sent.clear();
    this.etags.clear();
    if (session.strategy === "multipart" && session.part_size) {
      const partSize = session.part_size;
      this.etags = wholeParts(session.uploaded_parts ?? [], this.told, this.source.size, partSize);
      for (const stored of session.uploaded_parts ?? []) {
        if (this.etags.has(stored.part_number)) this.sent.set(stored.part_number, stored.size);
      }
    }
    this.kept = this.sentBytes;
    return session;
  }

  /**
   * Send what is missing and have it joined; what the server then misses is sent again.
   * @param {Session} session
   * @param {AbortSignal} signal
   * @returns {Promise<Session>}
   */
  async #arrive(session, signal) {
    let now = session;
    for (let round = 1; ; round += 1) {
      if (now.state === "uploaded" || now.state === "published") return now;
      try {
        if (now.strategy === "single") now = await this.#sendWhole(now, signal);
        else await sendParts(this, signal);
        await this.#checkUnchanged();
        this.#show("finishing");
        const listed = now.strategy === "single" ? null : this.#listed();
        return await this.#persist(() => this.parts.api.complete(now.id, listed, signal), signal);
      } catch (fault) {
        if (!(fault instanceof Refused) || fault.code !== "part_mismatch" || round >= AGAIN) throw fault;
        now = this.#adopt(await this.#persist(() => this.parts.api.show(now.id, signal), signal));
      }
    }
  }

  #listed() {
    const parts = [...this.etags].map(([number, etag]) => ({ part_number: number, etag }));
    return parts.sort((one, other) => one.part_number - other.part_number);
  }

  /**
   * One request for the whole file. Its URL cannot be renewed: where we have none, or it is past
   * its time, the session is given back and another takes its place.
   * @param {Session} session
   * @param {AbortSignal} signal
   * @returns {Promise<Session>}
   */
  async #sendWhole(session, signal) {
    if (session.received_bytes === this.source.size) {
      this.sent.set(1, this.source.size);
      return session;
    }
    let now = session;
    for (let round = 1; ; round += 1) {
      if (!now.url) now = await this.#replaced(signal);
      try {
        this.#show("sending");
        await this.send(1, { url: now.url ?? "", headers: now.headers }, this.source, signal);
        return now;
      } catch (fault) {
        if (!(fault instanceof Refused) || fault.status !== 403 || round >= AGAIN) throw fault;
        now = await this.#replaced(signal);
      }
    }
  }

  /** @param {AbortSignal} signal */
  async #replaced(signal) {
    await this.#forget({ abort: true });
    return this.#adopt(await this.#create(signal));
  }

  /**
   * Bytes to a signed URL, tried again while that may help.
   * @param {number} number the part
   * @param {{url: string, headers?: Record<string, string>}} to
   * @param {Blob} bytes
   * @param {AbortSignal} signal
   * @returns {Promise<string | null>} the ETag
   */
  send(number, to, bytes, signal) {
    const once = () =>
      this.parts.slots.run(signal, async () => {
        await this.#checkUnchanged();
        return this.parts.put({ ...to, url: this.parts.reach(to.url) }, bytes, {
          signal,
          onProgress: (loaded) => this.#sentOf(number, loaded),
        });
      });
    return this.#persist(once, signal, () => this.#sentOf(number, 0)).then((etag) => {
      this.#sentOf(number, bytes.size);
      return etag;
    });
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @param {AbortSignal} signal
   * @param {() => void} [onFault]
   * @returns {Promise<T>}
   */
  #persist(work, signal, onFault = () => {}) {
    const checked = async () => {
      try {
        return await work();
      } catch (fault) {
        // A file that has gone from the disk looks like a broken connection.
        if (fault instanceof ConnectionLost) await this.#checkUnchanged();
        throw fault;
      }
    };
    return persist(checked, signal, this.parts.patience, (fault, attempt) => {
      onFault();
      const said = fault instanceof Error ? fault.message : "";
      this.message = `${said} Trying again (${attempt}).`;
      this.onChange(this);
    });
  }

  /** The first byte can be read, and the file is as old and as long as it was. */
  async #checkUnchanged() {
    const { size, lastModified } = this.source;
    if (size !== this.first.size || lastModified !== this.first.lastModified) throw new FileChanged();
    try {
      await this.source.slice(0, 1).arrayBuffer();
    } catch {
      throw new FileChanged();
    }
  }

  /**
   * @param {Session} session
   * @param {AbortSignal} signal
   */
  async #finish(session, signal) {
    this.#show("finishing");
    if (session.state === "published") {
      this.file = session.file_id ? { id: session.file_id, url: `/files/${session.file_id}` } : null;
    } else {
      const caption = { upload: session.id, title: this.target.title, note: this.target.note };
      const publish = () => this.parts.api.publish(this.target.collection, caption, signal);
      this.file = await this.#persist(publish, signal);
    }
    if (signal.aborted) throw aborted();
    await this.#forget({ abort: false });
    this.#show("done");
  }

  /** @param {{abort: boolean}} how */
  async #forget({ abort }) {
    const id = this.session?.id ?? (await this.parts.store.get(this.key))?.id;
    this.session = null;
    this.etags.clear();
    this.told.clear();
    this.sent.clear();
    await this.parts.store.remove(this.key);
    if (!abort || !id) return;
    const never = new AbortController().signal;
    // The server's clean-up finds what we fail to give back.
    await persist(() => this.parts.api.abort(id), never, { ...this.parts.patience, attempts: 3 }).catch(() => {});
  }

  /** For the sender of parts: a part has begun. */
  showSending() {
    this.#show("sending");
  }

  /**
   * @param {number} number
   * @param {number} bytes
   */
  #sentOf(number, bytes) {
    if (bytes) this.message = "";
    this.sent.set(number, bytes);
    this.onChange(this);
  }

  /**
   * @param {State} state
   * @param {string} message
   */
  #show(state, message = "") {
    // What is still under way after a pause or a cancel has no say any more.
    if (this.#stop.signal.aborted && state !== "cancelled" && state !== "paused") return;
    this.state = state;
    this.message = message;
    this.onChange(this);
  }
}
