import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import { solve } from "../challenge/solve.js";

const PARAMETERS = { algorithm: "PBKDF2/SHA-256", nonce: "00ff10", salt: "a0b1", cost: 3, keyLength: 32, keyPrefix: "00" };

/** @param {number} counter */
function keyOf(counter) {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(counter);
  const password = Buffer.concat([Buffer.from(PARAMETERS.nonce, "hex"), number]);
  return pbkdf2Sync(password, Buffer.from(PARAMETERS.salt, "hex"), PARAMETERS.cost, 32, "sha256").toString("hex");
}

test("the first counter is found whose key begins as it is wanted", async () => {
  const { counter, derivedKey } = await solve(PARAMETERS, 0, 1);
  assert.equal(derivedKey, keyOf(counter));
  assert.ok(derivedKey.startsWith("00"));
  for (let before = 0; before < counter; before += 1) assert.ok(!keyOf(before).startsWith("00"));
});

test("several share the counters between them", async () => {
  const found = await Promise.all([solve(PARAMETERS, 0, 2), solve(PARAMETERS, 1, 2)]);
  assert.deepEqual(found.map(({ counter }) => counter % 2), [0, 1]);
});

test("half a byte can be asked for as well", async () => {
  const { derivedKey } = await solve({ ...PARAMETERS, keyPrefix: "7" }, 0, 1);
  assert.match(derivedKey, /^7/);
});
