/**
 * Runs the worker in the real runtime (workerd) on a free port, with the settings of the first
 * argument (JSON); prints its URL and serves until its standard input ends.
 */

import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";

const root = fileURLToPath(new URL("../src/", import.meta.url));
const edge = new Miniflare({
  host: "127.0.0.1",
  port: 0,
  modules: true,
  modulesRoot: root,
  rootPath: root,
  scriptPath: "worker.js",
  modulesRules: [{ type: "ESModule", include: ["**/*.js"] }],
  compatibilityDate: "2026-05-01",
  cache: true,
  bindings: JSON.parse(process.argv[2]),
});

console.log((await edge.ready).toString());
process.stdin.on("end", () => edge.dispose().then(() => process.exit(0)));
process.stdin.resume();
