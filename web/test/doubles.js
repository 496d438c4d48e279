// A server, a storage and a patience for tests: all in memory, nothing waits.

import { Blob } from "node:buffer";
import { aborted, ConnectionLost, Refused } from "../upload/failures.js";
import { Slots } from "../upload/slots.js";
import { memoryStore } from "../upload/store.js";
import { Upload } from "../upload/client.js";

export const PART = 10;

/** A file of so many bytes, each byte its own place modulo 251. */
export function fileOf(size, name = "a.bin", lastModified = 1000) {
  const bytes = Uint8Array.from({ length: size }, (_, index) => index % 251);
  return Object.assign(new Blob([bytes]), { name, lastModified });
}

/** The promises of the HTTP face, kept by a few maps. */
export class FakeServer {
  sessions = new Map();
  calls = [];
  faults = [];
  made = 0;
  generation = 0;

  constructor({ singleMax = 20 } = {}) {
    this.singleMax = singleMax;
    this.api = {
      create: async (wanted) => this.#answer("create", wanted, () => this.#create(wanted)),
      show: async (id) => this.#answer("show", id, () => this.#shown(this.#session(id))),
      sign: async (id, numbers) => this.#answer("sign", numbers, () => this.#sign(this.#session(id), numbers)),
      complete: async (id, parts) => this.#answer("complete", parts, () => this.#complete(id, parts)),
      publish: async (collection, caption) =>
        this.#answer("publish", caption, () => this.#publish(collection, caption)),
      abort: async (id) => this.#answer("abort", id, () => void (this.#session(id).state = "aborted")),
    };
    this.put = this.put.bind(this);
  }

  /** The next call of that name fails with this. */
  failNext(name, fault) {
    this.faults.push({ name, fault });
  }

  count(name) {
    return this.calls.filter((call) => call.name === name).length;
  }

  #answer(name, said, work) {
    this.calls.push({ name, said });
    const planned = this.faults.findIndex((one) => one.name === name);
    if (planned >= 0) throw this.faults.splice(planned, 1)[0].fault;
    return work();
  }

  #session(id) {
    const found = this.sessions.get(id);
    if (!found) throw new Refused("There is no such upload.", { status: 404, code: "not_found" });
    return found;
  }

  #create(wanted) {
    this.made += 1;
    const strategy = wanted.size <= this.singleMax ? "single" : "multipart";
    const session = { id: `u${this.made}`, ...wanted, strategy, state: "pending", stored: new Map() };
    this.sessions.set(session.id, session);
    const { stored, ...answer } = session;
    if (strategy === "single") return { ...answer, url: this.#url(session.id, 1), headers: { "Content-Type": "x/y" } };
    const all = Array.from({ length: Math.ceil(wanted.size / PART) }, (_, index) => index + 1);
    return { ...answer, part_size: PART, parts: this.#sign(session, all) };
  }

  #sign(session, numbers) {
    return numbers.map((number) => ({ part_number: number, url: this.#url(session.id, number), size: PART }));
  }

  #url(id, number) {
    return `mem:${id}/${number}/${this.generation}`;
  }

  #shown(session) {
    const { stored, ...answer } = session;
    const parts = [...stored].map(([number, bytes]) => ({
      part_number: number,
      size: bytes.length,
      etag: `"e${number}"`,
    }));
    const multipart = session.strategy === "multipart";
    return {
      ...answer,
      ...(multipart ? { part_size: PART, uploaded_parts: parts } : {}),
      received_bytes: parts.reduce((sum, part) => sum + part.size, 0),
    };
  }

  #complete(id, parts) {
    const session = this.#session(id);
    const missing = parts && parts.some((part) => !session.stored.has(part.part_number));
    if (missing) throw new Refused("A part is missing.", { status: 409, code: "part_mismatch" });
    session.state = "uploaded";
    return { id, state: "uploaded" };
  }

  #publish(collection, caption) {
    this.#session(caption.upload).state = "published";
    return { id: "f1", url: "/files/f1", collection, title: caption.title };
  }

  async put({ url, headers }, bytes, { signal, onProgress }) {
    this.calls.push({ name: "put", said: url, headers });
    const [, id, number, generation] = url.match(/^mem:(\w+)\/(\d+)\/(\d+)$/);
    const planned = this.faults.findIndex((one) => one.name === `put ${number}` || one.name === "put");
    const fault = planned >= 0 ? this.faults.splice(planned, 1)[0].fault : null;
    onProgress(Math.floor(bytes.size / 2));
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) throw aborted();
    if (typeof fault === "function") return fault(signal);
    if (fault) throw fault;
    if (Number(generation) !== this.generation) throw new Refused("expired", { status: 403 });
    this.#session(id).stored.set(Number(number), new Uint8Array(await bytes.arrayBuffer()));
    return `"e${number}"`;
  }

  /** What was stored of an upload, joined. */
  bytesOf(id) {
    const parts = [...this.sessions.get(id).stored].sort(([one], [other]) => one - other);
    return parts.flatMap(([, bytes]) => [...bytes]);
  }
}

export const quick = {
  attempts: 4,
  firstMs: 100,
  longestMs: 1000,
  random: () => 0.5,
  sleep: async (ms, signal) => {
    if (signal.aborted) throw aborted();
  },
  online: async () => {},
};

/** An upload with everything it needs. */
export function uploadOf(file, server, { store = memoryStore(), target = {}, onChange = () => {} } = {}) {
  const parts = {
    api: server.api,
    put: server.put,
    store,
    slots: new Slots(4),
    patience: quick,
    reach: (url) => url,
    now: () => 0,
  };
  return new Upload(file, { collection: "inbox", account: "a1", ...target }, parts, onChange);
}

export const lost = () => new ConnectionLost();
