import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { canonicalRequest, signImageUrl } from "../clients/image-urls.js";

const { key, cases } = JSON.parse(
  readFileSync(new URL("image-urls.vectors.json", import.meta.url), "utf8"),
);

for (const { url, expires_at: expiresAt, canonical, signed } of cases) {
  test(`signs ${url} as the server does`, async () => {
    assert.equal(await signImageUrl(url, { key, expiresAt: expiresAt ?? undefined }), signed);
    const [path, query] = signed.replace(/^https?:\/\/[^/]*/, "").split("?");
    assert.equal(canonicalRequest(path, [...new URLSearchParams(query)]), canonical);
  });
}

test("another key makes another signature", async () => {
  const [first] = cases;
  const other = await signImageUrl(first.url, { key: `${key}!` });
  assert.notEqual(other, first.signed);
});
