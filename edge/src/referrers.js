/** Whose pages may embed: the same rule as src/cimaise/delivery/referrers.py. */

/**
 * @param {Request} request
 * @param {string} listed hosts, separated by commas; `*.example.org` is whatever is below it
 */
export function isAllowedReferrer(request, listed) {
  const patterns = listed.split(",").map((one) => one.trim().toLowerCase()).filter(Boolean);
  const referrer = request.headers.get("Referer")?.trim();
  if (patterns.length === 0 || !referrer || request.headers.get("Sec-Fetch-Dest") === "document") {
    return true;
  }
  const host = hostOf(referrer);
  return host !== null && patterns.some((pattern) => isWithin(host, pattern));
}

function hostOf(referrer) {
  try {
    const address = new URL(referrer);
    return /^https?:$/.test(address.protocol) ? address.hostname.replace(/\.$/, "") : null;
  } catch {
    return null;
  }
}

function isWithin(host, pattern) {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern;
}
