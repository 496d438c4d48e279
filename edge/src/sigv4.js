/**
 * Signs requests for S3 ("Authenticating Requests (AWS Signature Version 4)", part "Using the
 * Authorization Header"), with an unsigned payload, for there is none.
 */

const PAYLOAD = "UNSIGNED-PAYLOAD";
const encoder = new TextEncoder();
let kept = { name: "", key: null };

/**
 * @param {string} method
 * @param {URL} address without a query
 * @param {Record<string, string>} env
 * @param {Date} now
 * @returns {Promise<Record<string, string>>} headers to send
 */
export async function signed(method, address, env, now) {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
  const day = stamp.slice(0, 8);
  const scope = `${day}/${env.BUCKET_REGION}/s3/aws4_request`;
  const names = "host;x-amz-content-sha256;x-amz-date";
  const lines = `host:${address.host}\nx-amz-content-sha256:${PAYLOAD}\nx-amz-date:${stamp}\n`;
  const path = address.pathname.replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  const request = [method, path, "", lines, names, PAYLOAD].join("\n");
  const text = ["AWS4-HMAC-SHA256", stamp, scope, hex(await digest(request))].join("\n");
  const signature = hex(await hmac(await signingKey(day, env), text));
  const credential = `${env.ACCESS_KEY_ID}/${scope}`;
  return {
    "x-amz-content-sha256": PAYLOAD,
    "x-amz-date": stamp,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/** The key of a day is made once. */
async function signingKey(day, env) {
  const name = `${day} ${env.BUCKET_REGION} ${env.ACCESS_KEY_ID}`;
  if (kept.name !== name) {
    let key = encoder.encode(`AWS4${env.SECRET_ACCESS_KEY}`);
    for (const part of [day, env.BUCKET_REGION, "s3", "aws4_request"]) {
      key = await hmac(key, part);
    }
    kept = { name, key };
  }
  return kept.key;
}

async function hmac(key, text) {
  const how = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, how, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text)));
}

async function digest(text) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
