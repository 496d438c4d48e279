import assert from "node:assert/strict";
import { test } from "node:test";
import { exposureText, factsOf } from "../gallery/facts.js";

const INFO = { width: 6000, height: 4000, format: "jpeg", size: 1536, frames: 1 };

test("exposures are fractions until they are long", () => {
  const pairs = [[0.004, "1/250 s"], [0.0001, "1/10000 s"], [0.25, "1/4 s"], [0.3, "0.3 s"], [2.5, "2.5 s"], [30, "30 s"]];
  for (const [seconds, text] of pairs) assert.equal(exposureText(seconds), text);
});

test("only what is known is said", () => {
  assert.deepEqual(factsOf(INFO, { caption: "", date: "March 9, 2026" }), [
    ["Date", "March 9, 2026"],
    ["Size", "6000 × 4000 pixels"],
    ["File", "JPEG, 1.5 KB"],
  ]);
  assert.deepEqual(factsOf(null, {}), []);
});

test("a maker is named once", () => {
  const named = (make, model) => Object.fromEntries(factsOf({ ...INFO, exif: { make, model } }, {})).Camera;
  assert.equal(named("Canon", "Canon EOS 40D"), "Canon EOS 40D");
  assert.equal(named("NIKON CORPORATION", "NIKON D810"), "NIKON D810");
  assert.equal(named("NIKON", "COOLPIX P6000"), "NIKON COOLPIX P6000");
  assert.equal(named(undefined, "X100"), "X100");
});

test("an animation tells its frames", () => {
  assert.deepEqual(factsOf({ ...INFO, frames: 12 }, {}).at(-1), ["Frames", "12"]);
});
