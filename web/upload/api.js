// The server's side of an upload as functions. Every failure is one of failures.js.

import { aborted, ConnectionLost, Refused } from "./failures.js";

/**
 * @typedef {{part_number: number, url: string, size: number}} SignedPart
 * @typedef {{part_number: number, size: number, etag: string}} StoredPart
 * @typedef {object} Session
 * @property {string} id
 * @property {string} collection
 * @property {string} state
 * @property {number} size
 * @property {"single" | "multipart"} strategy
 * @property {string} [method]
 * @property {string} [url]
 * @property {Record<string, string>} [headers]
 * @property {number} [part_size]
 * @property {SignedPart[]} [parts]
 * @property {number} [received_bytes]
 * @property {StoredPart[]} [uploaded_parts]
 * @property {string} [file_id]
 * @property {string} [reason]
 */

/**
 * @typedef {object} Api
 * @property {(wanted: object, signal: AbortSignal) => Promise<Session>} create
 * @property {(id: string, signal: AbortSignal) => Promise<Session>} show
 * @property {(id: string, numbers: number[], signal: AbortSignal) => Promise<SignedPart[]>} sign
 * @property {(id: string, parts: {part_number: number, etag: string}[] | null, signal: AbortSignal) => Promise<Session>} complete
 * @property {(collection: string, caption: object, signal: AbortSignal) => Promise<any>} publish
 * @property {(id: string) => Promise<void>} abort
 */

/**
 * @param {string} base path that the server is below, without a slash at its end
 * @param {typeof fetch} send
 * @returns {Api}
 */
export function serverApi(base = "", send = (...request) => fetch(...request)) {
  const at = (/** @type {string} */ id) => `${base}/api/uploads/${encodeURIComponent(id)}`;
  return {
    create: (wanted, signal) => call(send, "POST", `${base}/api/uploads`, signal, wanted),
    show: (id, signal) => call(send, "GET", at(id), signal),
    sign: async (id, numbers, signal) =>
      (await call(send, "POST", `${at(id)}/parts`, signal, { part_numbers: numbers })).parts,
    complete: (id, parts, signal) =>
      call(send, "POST", `${at(id)}/complete`, signal, parts ? { parts } : {}),
    publish: (collection, caption, signal) =>
      call(send, "POST", `${base}/api/collections/${encodeURIComponent(collection)}/files`, signal, caption),
    abort: (id) => call(send, "DELETE", at(id), null),
  };
}

/**
 * @param {typeof fetch} send
 * @param {string} method
 * @param {string} path
 * @param {AbortSignal | null} signal
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function call(send, method, path, signal, body) {
  /** @type {Response} */
  let answer;
  try {
    answer = await send(path, {
      method,
      signal,
      credentials: "same-origin",
      headers: body ? { "content-type": "application/json" } : {},
      body: body ? JSON.stringify(body) : null,
    });
  } catch (fault) {
    throw signal?.aborted ? aborted() : new ConnectionLost();
  }
  const said = await answer.json().catch(() => null);
  if (answer.ok) return said;
  throw new Refused(said?.error ?? `The server answered ${answer.status}.`, {
    status: answer.status,
    code: said?.code,
    retryAfterS: Number(answer.headers.get("retry-after")) || null,
  });
}
