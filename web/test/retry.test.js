import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionLost, Refused } from "../upload/failures.js";
import { pauseBefore, persist, sleep } from "../upload/retry.js";
import { quick } from "./doubles.js";

test("pauses grow, stay under their bound and are never all the same", () => {
  const fault = new ConnectionLost();
  const least = { ...quick, random: () => 0 };
  const most = { ...quick, random: () => 1 };
  assert.deepEqual([1, 2, 3, 4, 9].map((n) => pauseBefore(n, least, fault)), [50, 100, 200, 400, 500]);
  assert.deepEqual([1, 2, 3, 4, 9].map((n) => pauseBefore(n, most, fault)), [100, 200, 400, 800, 1000]);
});

test("what the server asks for with Retry-After is kept to", () => {
  assert.equal(pauseBefore(1, quick, new Refused("", { status: 503, retryAfterS: 7 })), 7000);
});

test("only what may pass is tried again", async () => {
  const tries = async (fault) => {
    let count = 0;
    const work = async () => {
      count += 1;
      throw fault;
    };
    await assert.rejects(persist(work, new AbortController().signal, quick));
    return count;
  };
  assert.equal(await tries(new ConnectionLost()), 4);
  assert.equal(await tries(new Refused("", { status: 503 })), 4);
  assert.equal(await tries(new Refused("", { status: 429 })), 4);
  assert.equal(await tries(new Refused("", { status: 403 })), 1);
  assert.equal(await tries(new TypeError("a mistake of ours")), 1);
});

test("a stop ends a pause at once", async () => {
  const stop = new AbortController();
  const sleeping = sleep(1_000_000, stop.signal);
  stop.abort();
  await assert.rejects(sleeping, { name: "AbortError" });
});
