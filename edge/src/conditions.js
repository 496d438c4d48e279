/**
 * Conditions and ranges (RFC 9110 §13.2.2), against the ETag that Cimaise gave the file: the bucket
 * knows the bytes under another one, so it is asked for ranges only.
 */

const TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;
const LIST = /^[ \t,]*((W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(,[ \t,]*|$))*$/;

/**
 * @param {Request} request
 * @param {import("./links.js").Link} link
 * @returns {200 | 304 | 412} 200: go on
 */
export function verdict(request, link) {
  const headers = request.headers;
  const modified = Date.parse(link.modified);
  if (headers.has("If-Match")) {
    if (!matches(headers.get("If-Match"), link.etag, false)) {
      return 412;
    }
  } else if (isBefore(headers.get("If-Unmodified-Since"), modified)) {
    return 412;
  }
  if (headers.has("If-None-Match")) {
    return matches(headers.get("If-None-Match"), link.etag, true) ? 304 : 200;
  }
  const since = dateOf(headers.get("If-Modified-Since"));
  return since !== null && modified <= since ? 304 : 200;
}

/**
 * The range to ask for, or null for the whole.
 *
 * @param {Request} request
 * @param {import("./links.js").Link} link
 */
export function wantedRange(request, link) {
  const range = request.headers.get("Range");
  if (range === null || request.method !== "GET") {
    return null;
  }
  const expected = request.headers.get("If-Range")?.trim();
  if (expected === undefined || expected === `"${link.etag}"` || expected === link.modified) {
    return range;
  }
  return null;
}

function matches(header, etag, weakly) {
  if (header.trim() === "*") {
    return true;
  }
  if (!LIST.test(header)) {
    return false;
  }
  return Array.from(header.matchAll(TAG)).some(([, weak, opaque]) => opaque === etag && (weakly || !weak));
}

function isBefore(header, modified) {
  const since = dateOf(header);
  return since !== null && modified > since;
}

function dateOf(header) {
  const found = header === null ? NaN : Date.parse(header);
  return Number.isNaN(found) || !header.trim().endsWith("GMT") ? null : found;
}
