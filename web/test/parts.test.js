import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHeaders } from "../upload/put.js";
import { partCount, partRange, wholeParts } from "../upload/parts.js";

test("parts cover a file exactly, and only the last is short", () => {
  for (const size of [1, 9, 10, 11, 20, 95, 100]) {
    let at = 0;
    for (let number = 1; number <= partCount(size, 10); number += 1) {
      const { start, stop } = partRange(number, size, 10);
      assert.equal(start, at);
      assert.ok(stop - start === 10 || number === partCount(size, 10));
      at = stop;
    }
    assert.equal(at, size);
  }
});

test("only parts of the right length with an ETag count as arrived", () => {
  const stored = [
    { part_number: 1, size: 10, etag: '"a"' },
    { part_number: 2, size: 4, etag: '"b"' },
    { part_number: 3, size: 5, etag: '"c"' },
    { part_number: 4, size: 10, etag: '"d"' },
  ];
  const told = new Map([[1, "a"], [2, '"b"'], [3, '"c"'], [4, '"d"']]);
  assert.deepEqual([...wholeParts(stored, told, 25, 10)], [[1, '"a"'], [3, '"c"']]);
});

test("a part whose ETag nobody told us may have broken off, however long it is", () => {
  const stored = [
    { part_number: 1, size: 10, etag: '"a"' },
    { part_number: 2, size: 10, etag: '"half"' },
    { part_number: 3, size: 5, etag: "" },
  ];
  assert.deepEqual([...wholeParts(stored, new Map([[1, "a"], [2, "b"]]), 25, 10)], [[1, '"a"']]);
});

test("the ETag is found in any letter case", () => {
  for (const name of ["etag", "ETag", "ETAG"]) {
    assert.equal(parseHeaders(`content-length: 0\r\n${name}: "x:y"\r\n`).get("etag"), '"x:y"');
  }
  assert.equal(parseHeaders("").get("etag"), undefined);
});
