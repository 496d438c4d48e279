// Bytes to a signed URL. The raw bytes are the body: a form around them would be stored with them.
// XMLHttpRequest, because fetch does not tell how much of a body has left.

import { aborted, ConnectionLost, Refused } from "./failures.js";

const IDLE_MS = 120_000;

/**
 * @callback Put
 * @param {{url: string, method?: string, headers?: Record<string, string>}} to
 * @param {Blob} bytes
 * @param {{signal: AbortSignal, onProgress: (loaded: number) => void}} more
 * @returns {Promise<string | null>} the ETag of the answer, where it may be read
 */

/** @type {Put} */
export function putBytes({ url, method = "PUT", headers = {} }, bytes, { signal, onProgress }) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(aborted());
      return;
    }
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const idle = watchdog(() => request.abort());
    const end = (/** @type {() => void} */ how) => {
      idle.end();
      signal.removeEventListener("abort", stop);
      how();
    };
    signal.addEventListener("abort", stop, { once: true });
    request.upload.onprogress = (event) => {
      idle.alive();
      onProgress(event.loaded);
    };
    request.onload = () => end(() => settle(request, resolve, reject));
    request.onerror = () => end(() => reject(new ConnectionLost()));
    request.onabort = () => end(() => reject(signal.aborted ? aborted() : new ConnectionLost()));
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(bytes);
  });
}

/**
 * @param {XMLHttpRequest} request
 * @param {(etag: string | null) => void} resolve
 * @param {(fault: Error) => void} reject
 */
function settle(request, resolve, reject) {
  const headers = parseHeaders(request.getAllResponseHeaders());
  if (request.status >= 200 && request.status < 300) {
    resolve(headers.get("etag") ?? null);
    return;
  }
  const facts = { status: request.status, retryAfterS: Number(headers.get("retry-after")) || null };
  reject(new Refused(`The storage answered ${request.status}.`, facts));
}

/**
 * @param {string} text of getAllResponseHeaders; only what the storage lets us see is in it
 * @returns {Map<string, string>} by name in lower case
 */
export function parseHeaders(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(":"));
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

/** @param {() => void} give up, when nothing has moved for two minutes */
function watchdog(give) {
  let timer = setTimeout(give, IDLE_MS);
  return {
    alive: () => {
      clearTimeout(timer);
      timer = setTimeout(give, IDLE_MS);
    },
    end: () => clearTimeout(timer),
  };
}
