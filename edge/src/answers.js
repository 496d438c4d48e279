/** What leaves the edge: our headers, never the bucket's. */

const OF_THE_BYTES = ["content-length", "content-range"];
const POLICY =
  "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";
const PASSED = new Set([200, 206, 416]);

/**
 * The answer to a link that is good.
 *
 * @param {Request} request
 * @param {import("./links.js").Link} link
 * @param {Response} reply of the cache or the bucket
 */
export function served(request, link, reply) {
  if (!PASSED.has(reply.status)) {
    reply.body?.cancel();
    return reply.status === 404
      ? problem(request, 404, "file_missing", "File missing")
      : problem(request, 502, "upstream_failed", "The storage refused.");
  }
  if (reply.status === 416) {
    return outside(request, reply);
  }
  const headers = new Headers(ours(link));
  for (const name of OF_THE_BYTES) {
    if (reply.headers.has(name)) {
      headers.set(name, reply.headers.get(name));
    }
  }
  headers.set("Content-Type", partsOf(reply) ?? link.type);
  const body = request.method === "HEAD" ? null : reply.body;
  return new Response(body, { status: reply.status, headers });
}

/** Several ranges come in parts; their boundary is in the type. */
function partsOf(reply) {
  const type = reply.headers.get("Content-Type") ?? "";
  return reply.status === 206 && type.startsWith("multipart/byteranges") ? type : null;
}

function outside(request, reply) {
  reply.body?.cancel();
  const answer = problem(request, 416, "range_not_satisfiable", "The range lies outside of the file.");
  if (reply.headers.has("Content-Range")) {
    answer.headers.set("Content-Range", reply.headers.get("Content-Range"));
  }
  return answer;
}

/**
 * What the client has is what there is.
 *
 * @param {import("./links.js").Link} link
 */
export function notModified(link) {
  return new Response(null, { status: 304, headers: ours(link) });
}

function ours(link) {
  const left = Math.max(0, Math.floor(link.expiresAt - Date.now() / 1000));
  const headers = {
    "Accept-Ranges": "bytes",
    "Cache-Control": `${link.isPublic ? "public" : "private"}, max-age=${left}`,
    "Content-Disposition": link.disposition,
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "cross-origin",
    ETag: `"${link.etag}"`,
    "Last-Modified": link.modified,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  };
  if (link.isPublic) {
    headers["Access-Control-Allow-Origin"] = "*";
  } else {
    headers["X-Robots-Tag"] = "noindex";
  }
  return headers;
}

/**
 * An error in the shape that every error of Cimaise has.
 *
 * @param {Request} request
 * @param {number} status
 * @param {string} code
 * @param {string} message
 */
export function problem(request, status, code, message) {
  const id = request.headers.get("CF-Ray") ?? crypto.randomUUID();
  const body = JSON.stringify({ error: message, code, request_id: id });
  return new Response(request.method === "HEAD" ? null : body, {
    status,
    headers: {
      "Cache-Control": "no-store",
      "Content-Type": "application/json",
      "X-Content-Type-Options": "nosniff",
      "X-Request-Id": id,
    },
  });
}
