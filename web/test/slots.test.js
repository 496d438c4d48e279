import assert from "node:assert/strict";
import { test } from "node:test";
import { Slots } from "../upload/slots.js";

test("waiting ends with a stop, and the place goes to the next", async () => {
  const slots = new Slots(1);
  const signal = new AbortController().signal;
  let free;
  const first = slots.run(signal, () => new Promise((resolve) => (free = resolve)));
  const stop = new AbortController();
  const second = slots.run(stop.signal, async () => "never");
  const third = slots.run(signal, async () => "third");
  stop.abort();
  await assert.rejects(second, { name: "AbortError" });
  free("first");
  assert.equal(await first, "first");
  assert.equal(await third, "third");
  assert.equal(slots.free, 1);
});

test("a failure gives its place back", async () => {
  const slots = new Slots(1);
  const signal = new AbortController().signal;
  await assert.rejects(slots.run(signal, () => Promise.reject(new Error("no"))));
  assert.equal(slots.free, 1);
});
