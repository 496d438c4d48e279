/**
 * Serves a private bucket from a CDN's edge, for links that Cimaise signed and sealed.
 *
 * A request names no object: it carries a token that only Cimaise can have made and only this
 * worker can read. The worker opens it, refuses what is past its time and what other sites embed,
 * answers from the edge's cache, and otherwise asks the bucket with a signature of its own. What
 * the bucket says of itself, its keys included, goes no further.
 *
 * Settings (variables and secrets of the worker):
 *
 *   LINK_SECRETS       the server's CIMAISE_EDGE_SECRET; several, separated by commas, while it changes
 *   BUCKET_URL         https://host/bucket, with the prefix if there is one
 *   BUCKET_REGION      of the bucket; "auto" where it has none
 *   ACCESS_KEY_ID      of a key that may read objects, and nothing else
 *   SECRET_ACCESS_KEY  its secret
 *   REFERRERS          hosts whose pages may embed, separated by commas (*.example.org); empty: any
 *   CACHE_MAX_BYTES    the largest object that the edge keeps; 512 MB where nothing is said
 */

import { notModified, problem, served } from "./answers.js";
import { verdict, wantedRange } from "./conditions.js";
import { openLink } from "./links.js";
import { isAllowedReferrer } from "./referrers.js";
import { signed } from "./sigv4.js";

const PATH = /^\/o\/([A-Za-z0-9_-]{1,4096})(?:\/[^/]*)?$/;
const CACHE_MAX_BYTES = 512 * 1024 * 1024;

export default {
  /**
   * @param {Request} request
   * @param {Record<string, string>} env
   * @param {{waitUntil(work: Promise<unknown>): void}} context
   * @returns {Promise<Response>}
   */
  async fetch(request, env, context) {
    try {
      return await answer(request, env, context);
    } catch (fault) {
      console.error(fault);
      return problem(request, 502, "upstream_failed", "The storage cannot be reached.");
    }
  },
};

async function answer(request, env, context) {
  if (request.method === "OPTIONS") {
    return new Response(null, { status: 204, headers: preflight() });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    const refused = problem(request, 405, "method_not_allowed", "This address does not do that.");
    refused.headers.set("Allow", "GET, HEAD, OPTIONS");
    return refused;
  }
  const token = PATH.exec(new URL(request.url).pathname)?.[1];
  if (token === undefined) {
    return problem(request, 404, "not_found", "Not found");
  }
  const link = await openLink(token, secretsOf(env));
  if (link === null) {
    return problem(request, 403, "bad_signature", "The link is not valid.");
  }
  if (Date.now() >= link.expiresAt * 1000) {
    return problem(request, 410, "expired", "The link is past its time.");
  }
  if (!isAllowedReferrer(request, env.REFERRERS ?? "")) {
    return problem(request, 403, "hotlink", "This file is not shown on other sites.");
  }
  const status = verdict(request, link);
  if (status === 412) {
    return problem(request, 412, "precondition_failed", "The file is not the version that the request expects.");
  }
  return status === 304 ? notModified(link) : served(request, link, await found(request, link, env, context));
}

function secretsOf(env) {
  return (env.LINK_SECRETS ?? "").split(",").map((one) => one.trim()).filter(Boolean);
}

function preflight() {
  return {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Range, If-Range, If-None-Match",
    "Access-Control-Max-Age": "86400",
  };
}

/** The object: from the cache, which cuts ranges itself, or else from the bucket. */
async function found(request, link, env, context) {
  const address = addressOf(link.key, env);
  const range = wantedRange(request, link);
  const name = `${new URL(request.url).origin}/cached/${address.host}${address.pathname}`;
  const cached = await caches.default.match(new Request(name, { headers: range ? { Range: range } : {} }));
  if (cached !== undefined) {
    return cached;
  }
  const reply = await ask(address, request.method, range, env);
  const length = Number(reply.headers.get("Content-Length") ?? Infinity);
  const limit = Number(env.CACHE_MAX_BYTES || CACHE_MAX_BYTES);
  if (request.method !== "GET" || reply.status !== 200 || length > limit) {
    return reply;
  }
  const [one, other] = reply.body.tee();
  context.waitUntil(caches.default.put(new Request(name), kept(one, length)));
  return new Response(other, { status: 200, headers: reply.headers });
}

/** An object never changes under its key, so what is kept is good for as long as there is room. */
function kept(body, length) {
  const headers = { "Cache-Control": "public, max-age=31536000", "Content-Length": String(length) };
  const fixed = new FixedLengthStream(length);
  body.pipeTo(fixed.writable).catch(() => {}); // a body that breaks off is not kept
  return new Response(fixed.readable, { headers });
}

function addressOf(key, env) {
  const base = env.BUCKET_URL.replace(/\/$/, "");
  return new URL(`${base}/${key.split("/").map(encodeURIComponent).join("/")}`);
}

async function ask(address, method, range, env) {
  const headers = new Headers(await signed(method, address, env, new Date()));
  headers.set("Accept-Encoding", "identity");
  if (range !== null) {
    headers.set("Range", range);
  }
  return fetch(address, { method, headers, redirect: "manual" });
}
