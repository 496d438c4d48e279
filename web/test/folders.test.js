import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenFiles } from "../upload/folders.js";

const file = (/** @type {string} */ path) =>
  /** @type {File} */ ({ name: path.split("/").at(-1), webkitRelativePath: path.includes("/") ? path : "" });

test("of a chosen folder the litter of systems stays behind, of chosen files nothing does", () => {
  const paths = ["trip/a.jpg", "trip/.DS_Store", "trip/.git/b.jpg", "trip/Thumbs.db", ".profile", "c.jpg"];
  const found = chosenFiles(paths.map(file));
  assert.deepEqual(found.map(({ path }) => path), ["trip/a.jpg", ".profile", "c.jpg"]);
});
