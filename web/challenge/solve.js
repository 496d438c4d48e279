// The work of a challenge in ALTCHA's protocol, version 2: a counter is looked for whose derived key
// (PBKDF2 over the nonce and the counter) begins as the server wants it.

/**
 * @typedef {object} Parameters of a challenge; all but the numbers in hexadecimal digits
 * @property {string} algorithm "PBKDF2/SHA-256"
 * @property {string} nonce
 * @property {string} salt
 * @property {number} cost iterations of one try
 * @property {number} keyLength bytes
 * @property {string} keyPrefix how the key has to begin
 * @property {number} [expiresAt] seconds since 1970
 *
 * @typedef {{counter: number, derivedKey: string}} Solution
 */

/**
 * @param {Parameters} parameters
 * @param {number} start the first counter that is tried
 * @param {number} step from one to the next: others try those between
 * @returns {Promise<Solution>}
 */
export async function solve(parameters, start, step) {
  for (let counter = start; ; counter += step) {
    const derivedKey = await keyOf(parameters, counter);
    if (derivedKey.startsWith(parameters.keyPrefix)) return { counter, derivedKey };
  }
}

/**
 * @param {Parameters} parameters
 * @param {number} counter 32 bits, behind the nonce, the highest byte first
 * @returns {Promise<string>}
 */
async function keyOf({ algorithm, nonce, salt, cost, keyLength }, counter) {
  const password = new Uint8Array([...bytesOf(nonce), counter >>> 24, counter >>> 16, counter >>> 8, counter]);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: algorithm.split("/")[1], salt: bytesOf(salt), iterations: cost };
  const bits = await crypto.subtle.deriveBits(how, key, keyLength * 8);
  return Array.from(new Uint8Array(bits), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} digits two a byte */
function bytesOf(digits) {
  return Uint8Array.from(digits.match(/../g) ?? [], (two) => Number.parseInt(two, 16));
}
