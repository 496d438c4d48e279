/**
 * Opens the links that Cimaise seals (src/cimaise/access/edge.py is the other end).
 *
 * A token is base64url(nonce of 12 bytes, AES-256-GCM of a JSON object with its tag). The key is
 * derived from the shared secret by HKDF with SHA-256 (RFC 5869), so the secret itself signs nothing
 * else.
 */

const SALT = new TextEncoder().encode("cimaise signing v1");
const INFO = new TextEncoder().encode("edge link");
const NONCE_BYTES = 12;
const keys = new Map();

/**
 * @typedef {object} Link
 * @property {string} key of the object in the bucket
 * @property {number} expiresAt seconds since 1970
 * @property {string} type what the object is served as
 * @property {string} disposition Content-Disposition
 * @property {string} etag strong, without quotation marks
 * @property {string} modified Last-Modified
 * @property {boolean} isPublic anybody may keep it
 */

/**
 * @param {string} token
 * @param {string[]} secrets the first seals; links sealed with another are opened too
 * @returns {Promise<Link | null>} null where it is none of ours
 */
export async function openLink(token, secrets) {
  const sealed = decoded(token);
  if (sealed === null || sealed.length <= NONCE_BYTES) {
    return null;
  }
  for (const secret of secrets) {
    const opened = await opens(sealed, secret);
    if (opened !== null) {
      return opened;
    }
  }
  return null;
}

async function opens(sealed, secret) {
  try {
    const iv = sealed.subarray(0, NONCE_BYTES);
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await keyOf(secret), sealed.subarray(NONCE_BYTES));
    const [key, expiresAt, type, disposition, etag, modified, isPublic] = JSON.parse(new TextDecoder().decode(plain));
    return { key, expiresAt, type, disposition, etag, modified, isPublic };
  } catch {
    return null;
  }
}

function keyOf(secret) {
  if (!keys.has(secret)) {
    keys.set(secret, derived(secret));
  }
  return keys.get(secret);
}

async function derived(secret) {
  const root = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: SALT, info: INFO };
  return crypto.subtle.deriveKey(how, root, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
}

function decoded(token) {
  try {
    const text = atob(token.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
