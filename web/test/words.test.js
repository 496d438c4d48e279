import assert from "node:assert/strict";
import { test } from "node:test";
import { reacher } from "../upload/page.js";
import { placeholderUrl } from "../gallery/placeholders.js";
import { durationText, sizeText, Speed } from "../upload/words.js";

test("sizes read as people say them", () => {
  const pairs = [[0, "0 bytes"], [1, "1 byte"], [1023, "1023 bytes"], [1536, "1.5 KB"], [12 * 1024 ** 2, "12.0 MB"], [3 * 1024 ** 5, "3072 TB"]];
  for (const [bytes, text] of pairs) assert.equal(sizeText(bytes), text);
});

test("times left are rough on purpose", () => {
  assert.equal(durationText(3), "a few seconds");
  assert.equal(durationText(61), "about 60 seconds");
  assert.equal(durationText(600), "about 10 minutes");
  assert.equal(durationText(7200), "about 2 hours");
});

test("speed is that of the last ten seconds", () => {
  const speed = new Speed();
  assert.equal(speed.perSecond, 0);
  for (let second = 0; second <= 60; second += 1) speed.note(second * 1000, second < 50 ? 0 : (second - 50) * 100);
  assert.ok(Math.abs(speed.perSecond - 100) < 15);
});

test("a part that begins again makes no negative speed", () => {
  const speed = new Speed();
  speed.note(0, 1000);
  speed.note(2000, 500);
  speed.note(4000, 700);
  assert.equal(speed.perSecond, 100);
});

test("signed URLs of the server itself are reached under the page's own origin", () => {
  const reach = reacher("http://127.0.0.1:3023", "http://localhost:3023");
  assert.equal(reach("http://127.0.0.1:3023/storage/abc"), "http://localhost:3023/storage/abc");
  assert.equal(reach("http://127.0.0.1:30233/storage/abc"), "http://127.0.0.1:30233/storage/abc");
  assert.equal(reach("https://bucket.example/abc"), "https://bucket.example/abc");
});

test("a thumbhash becomes a picture, anything else nothing", () => {
  assert.match(placeholderUrl("1QcSHQRnh493V4dIh4eXh1h4kJUI") ?? "", /^data:image\/png;base64,/);
  for (const text of ["", "!", "AAA="]) assert.equal(placeholderUrl(text), null);
});
