import assert from "node:assert/strict";
import { test } from "node:test";
import { Refused } from "../upload/failures.js";
import { memoryStore } from "../upload/store.js";
import { FakeServer, fileOf, lost, uploadOf } from "./doubles.js";

const bytes = (size) => Array.from({ length: size }, (_, index) => index % 251);
/** A PUT that ends only when it is stopped. */
const hang = (signal) =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("Stopped.", "AbortError")));
  });

test("a small file goes out with one request and is published", async () => {
  const server = new FakeServer();
  const upload = uploadOf(fileOf(15), server, { target: { title: "T" } });
  await upload.start();
  assert.equal(upload.state, "done");
  assert.deepEqual(server.bytesOf("u1"), bytes(15));
  assert.equal(upload.file.title, "T");
  assert.deepEqual(server.calls.find((call) => call.name === "put").headers, { "Content-Type": "x/y" });
});

test("a large file goes out in parts that are joined in order", async () => {
  const server = new FakeServer();
  const upload = uploadOf(fileOf(95), server);
  await upload.start();
  assert.equal(upload.state, "done");
  assert.deepEqual(server.bytesOf("u1"), bytes(95));
  const listed = server.calls.find((call) => call.name === "complete").said;
  assert.deepEqual(listed.map((part) => part.part_number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("never more than four requests carry bytes at the same time", async () => {
  const server = new FakeServer();
  let now = 0;
  let most = 0;
  const put = server.put;
  server.put = async (...request) => {
    now += 1;
    most = Math.max(most, now);
    try {
      return await put(...request);
    } finally {
      now -= 1;
    }
  };
  await uploadOf(fileOf(200), server).start();
  assert.equal(most, 4);
});

test("an empty file is refused before the server is asked", async () => {
  const server = new FakeServer();
  const upload = uploadOf(fileOf(0), server);
  await upload.start();
  assert.equal(upload.state, "failed");
  assert.match(upload.message, /empty/);
  assert.equal(server.calls.length, 0);
});

test("a part that fails in passing is sent again and spoils nothing", async () => {
  const server = new FakeServer();
  server.failNext("put 3", lost());
  server.failNext("put 4", new Refused("busy", { status: 503 }));
  const upload = uploadOf(fileOf(60), server);
  await upload.start();
  assert.equal(upload.state, "done");
  assert.deepEqual(server.bytesOf("u1"), bytes(60));
  assert.equal(server.count("put"), 8);
});

test("a refusal that will stay ends the upload with its sentence", async () => {
  const server = new FakeServer();
  server.failNext("create", new Refused("Today's quota is used up.", { status: 413, code: "quota_exceeded" }));
  const upload = uploadOf(fileOf(60), server);
  await upload.start();
  assert.equal(upload.state, "failed");
  assert.equal(upload.message, "Today's quota is used up.");
  assert.equal(server.count("create"), 1);
});

test("after as many attempts as there are it fails, keeps what arrived, and can be started again", async () => {
  const server = new FakeServer();
  for (let time = 0; time < 4; time += 1) server.failNext("put 6", lost());
  const upload = uploadOf(fileOf(60), server);
  await upload.start();
  assert.equal(upload.state, "failed");
  const before = server.count("put");
  await upload.start();
  assert.equal(upload.state, "done");
  assert.ok(server.count("put") - before < 6);
  assert.equal(server.count("create"), 1);
});

test("URLs past their time are asked for anew", async () => {
  const server = new FakeServer();
  const create = server.api.create;
  server.api.create = async (...wanted) => {
    const made = await create(...wanted);
    server.generation += 1;
    return made;
  };
  const upload = uploadOf(fileOf(60), server);
  await upload.start();
  assert.equal(upload.state, "done");
  assert.ok(server.count("sign") >= 1);
  assert.deepEqual(server.bytesOf("u1"), bytes(60));
});

test("a single URL past its time costs a new session and gives the old one back", async () => {
  const server = new FakeServer();
  server.failNext("put", new Refused("expired", { status: 403 }));
  const upload = uploadOf(fileOf(15), server);
  await upload.start();
  assert.equal(upload.state, "done");
  assert.equal(server.sessions.get("u1").state, "aborted");
  assert.deepEqual(server.bytesOf("u2"), bytes(15));
});

test("a part without an ETag is a failure that names the cause", async () => {
  const server = new FakeServer();
  server.failNext("put 1", async () => null);
  const upload = uploadOf(fileOf(60), server);
  await upload.start();
  assert.equal(upload.state, "failed");
  assert.match(upload.message, /ETag/);
  assert.equal(server.count("complete"), 0);
});

test("a pause stops the requests, and going on sends only what is missing", async () => {
  const server = new FakeServer();
  server.failNext("put 5", hang);
  const upload = uploadOf(fileOf(60), server, {
    onChange: (one) => {
      if (one.state === "sending" && one.sentBytes === 55) one.pause();
    },
  });
  await upload.start();
  assert.equal(upload.state, "paused");
  upload.onChange = () => {};
  const before = server.count("put");
  await upload.start();
  assert.equal(upload.state, "done");
  assert.equal(server.count("put") - before, 1);
  assert.deepEqual(server.bytesOf("u1"), bytes(60));
});

test("after a reload the same file goes on where it stopped", async () => {
  const server = new FakeServer();
  const store = memoryStore();
  server.failNext("put 2", hang);
  const first = uploadOf(fileOf(60), server, {
    store,
    onChange: (one) => one.sentBytes === 55 && one.state === "sending" && one.pause(),
  });
  await first.start();
  assert.equal((await store.all()).length, 1);
  const before = server.count("put");
  const second = uploadOf(fileOf(60), server, { store });
  await second.start();
  assert.equal(second.state, "done");
  assert.equal(server.count("create"), 1);
  assert.equal(server.count("put") - before, 1);
  assert.equal((await store.all()).length, 0);
});

test("another file of the same name begins anew", async () => {
  const server = new FakeServer();
  const store = memoryStore();
  server.failNext("create", new Refused("no", { status: 403 }));
  await store.put({ key: uploadOf(fileOf(60, "a", 1), server).key, id: "u9", collection: "inbox", name: "a", size: 60, startedAt: 0 });
  const upload = uploadOf(fileOf(60, "a", 2), server, { store });
  await upload.start();
  assert.equal(server.count("show"), 0);
});

test("an earlier session that is gone or has ended is replaced", async () => {
  for (const end of [(server) => server.sessions.clear(), (server) => (server.sessions.get("u1").state = "expired")]) {
    const server = new FakeServer();
    const store = memoryStore();
    server.failNext("put 2", new Refused("no", { status: 400 }));
    await uploadOf(fileOf(60), server, { store }).start();
    end(server);
    const again = uploadOf(fileOf(60), server, { store });
    await again.start();
    assert.equal(again.state, "done");
    assert.equal(server.count("create"), 2);
  }
});

test("a part that the server has lost is sent again before it is joined", async () => {
  const server = new FakeServer();
  const complete = server.api.complete;
  let first = true;
  server.api.complete = async (id, parts) => {
    if (first) server.sessions.get(id).stored.delete(4);
    first = false;
    return complete(id, parts);
  };
  const upload = uploadOf(fileOf(60), server);
  await upload.start();
  assert.equal(upload.state, "done");
  assert.deepEqual(server.bytesOf("u1"), bytes(60));
});

test("cancelling gives everything back and forgets the file", async () => {
  const server = new FakeServer();
  const store = memoryStore();
  server.failNext("put 1", hang);
  const upload = uploadOf(fileOf(60), server, { store });
  const running = upload.start();
  await new Promise((resolve) => setImmediate(resolve));
  await upload.cancel();
  await running;
  assert.equal(upload.state, "cancelled");
  assert.equal(server.sessions.get("u1").state, "aborted");
  assert.equal((await store.all()).length, 0);
});

test("a failing cancel is nobody's error", async () => {
  const server = new FakeServer();
  for (let time = 0; time < 9; time += 1) server.failNext("abort", lost());
  server.failNext("put 1", hang);
  const upload = uploadOf(fileOf(60), server);
  void upload.start();
  await new Promise((resolve) => setImmediate(resolve));
  await upload.cancel();
  assert.equal(upload.state, "cancelled");
});

test("a file that can no longer be read says so instead of trying again", async () => {
  const server = new FakeServer();
  const file = fileOf(60);
  server.failNext("put 1", lost());
  file.slice = () => ({ size: 10, arrayBuffer: () => Promise.reject(new DOMException("gone", "NotReadableError")) });
  const upload = uploadOf(file, server);
  await upload.start();
  assert.equal(upload.state, "failed");
  assert.match(upload.message, /changed or moved/);
  assert.equal(server.count("complete"), 0);
});

test("what a collection publishes by itself is not published twice", async () => {
  const server = new FakeServer();
  const complete = server.api.complete;
  server.api.complete = async (...request) => ({ ...(await complete(...request)), state: "published", file_id: "f7" });
  const upload = uploadOf(fileOf(15), server);
  await upload.start();
  assert.equal(upload.state, "done");
  assert.equal(upload.file.id, "f7");
  assert.equal(server.count("publish"), 0);
});

test("progress counts bytes and never passes the size of the file", async () => {
  const server = new FakeServer();
  const seen = [];
  const upload = uploadOf(fileOf(60), server, { onChange: (one) => seen.push(one.sentBytes) });
  await upload.start();
  assert.ok(seen.some((sent) => sent % 10 !== 0), "moves within a part");
  assert.ok(seen.every((sent) => sent <= 60));
  assert.equal(seen.at(-1), 60);
});
