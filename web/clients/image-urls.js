/**
 * Signed URLs of pictures, for programs that make pages: Node, Deno, Bun, workers at the edge.
 * Never in a browser, where everybody could read the key.
 *
 *     import { signImageUrl } from "./image-urls.js";
 *     const url = await signImageUrl("https://media.example.org/images/4kqX?width=300", {
 *       key: process.env.IMAGE_KEY,
 *       expiresAt: Math.floor(Date.now() / 1000) + 3600,
 *     });
 *
 * What is signed is said in src/cimaise/image_urls.py; both are tested with the same vectors.
 */

const PREFIX = "cimaise image v1\n";
const RELATIVE_TO = "http://relative.invalid";

/**
 * The URL with its signature, which replaces one that it has.
 *
 * @param {string} url Absolute, or only path and query; percent-encoded.
 * @param {{ key: string, expiresAt?: number }} how `key`: one of the server's signing keys, best
 *   the first one. `expiresAt`: seconds since 1970 after which it is worthless; absent: never, or
 *   what the URL's own `expires` says.
 * @returns {Promise<string>}
 */
export async function signImageUrl(url, { key, expiresAt }) {
  const isRelative = url.startsWith("/");
  const parsed = new URL(url, RELATIVE_TO);
  let pairs = [...parsed.searchParams].filter(([name]) => name !== "signature");
  if (expiresAt !== undefined) {
    pairs = [...pairs.filter(([name]) => name !== "expires"), ["expires", String(expiresAt)]];
  }
  const path = canonicalPath(rawPath(url));
  const signature = await makeSignature(key, canonicalRequest(path, pairs));
  const query = joined([...pairs, ["signature", signature]]);
  return `${isRelative ? "" : parsed.origin}${path}?${query}`;
}

/**
 * What is signed.
 *
 * @param {string} path Percent-encoded.
 * @param {[string, string][]} pairs The query's decoded parameters.
 */
export function canonicalRequest(path, pairs) {
  const sorted = pairs
    .filter(([name]) => name !== "signature")
    .sort(([a, x], [b, y]) => byCodePoint(a, b) || byCodePoint(x, y));
  return `${canonicalPath(path)}?${joined(sorted)}`;
}

/**
 * 43 letters of base64url.
 *
 * @param {string} key
 * @param {string} canonical
 */
export async function makeSignature(key, canonical) {
  const utf8 = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const secret = await crypto.subtle.importKey("raw", utf8.encode(key), algorithm, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", secret, utf8.encode(PREFIX + canonical));
  const text = btoa(String.fromCharCode(...new Uint8Array(mac)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The path as it was written: `URL` would resolve dots and leave some characters as they are. */
function rawPath(url) {
  const rest = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return rest.replace(/[?#].*$/s, "");
}

function canonicalPath(path) {
  return path
    .split("/")
    .map((segment) => encode(decodeURIComponent(segment)))
    .join("/");
}

function joined(pairs) {
  return pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
}

/** RFC 3986: everything but letters, digits and - . _ ~ */
function encode(text) {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Python's order: by code point, where `<` of JavaScript goes by UTF-16 unit. */
function byCodePoint(a, b) {
  const [left, right] = [[...a], [...b]];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const difference = left[at].codePointAt(0) - right[at].codePointAt(0);
    if (difference) return difference;
  }
  return left.length - right.length;
}
