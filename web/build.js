// Bundles the browser's modules and the style sheets into the folder that is given, each under a
// name with a hash of its content, and writes manifest.json: plain name → name in the folder.
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const styles = join(here, "../src/cimaise/web/static");
const target = process.argv[2];
if (!target) throw new Error("usage: node build.js FOLDER");

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  outdir: target,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  target: ["es2022", "chrome120", "firefox121", "safari17"],
  legalComments: "none",
  logLevel: "warning",
};

/**
 * OpenSeadragon without what the lightbox never asks for: it draws on a canvas, and asks for IIIF.
 * Its one file is a row of parts, each below a heading of its own.
 */
const UNUSED = new Set(["WebGLDrawer", "HTMLDrawer", "DziTileSource", "OsmTileSource", "TmsTileSource", "LegacyTileSource", "ImageTileSource", "ReferenceStrip", "Navigator", "ButtonGroup", "Button", "TileSourceCollection"]);
const lighter = {
  name: "lighter-openseadragon",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]openseadragon\.js$/ }, async ({ path }) => {
      const parts = (await readFile(path, "utf8")).split(/(?=^\/\*\n \* OpenSeadragon - )/m);
      const kept = parts.filter((part) => !UNUSED.has(/^\/\*\n \* OpenSeadragon - (\w+)/.exec(part)?.[1] ?? ""));
      if (parts.length - kept.length !== UNUSED.size) throw new Error("OpenSeadragon's file has other parts by now");
      // A module like the others: what wraps another kind would be a chunk that every page waits for.
      return { contents: `const module = { exports: {} };\n${kept.join("")}\nexport default module.exports;`, loader: "js" };
    }),
};

/** Modules, and what only some of them need in chunks of its own. */
const modules = await build({
  ...common,
  entryPoints: ["gallery.js", "arrange.js", "copy.js", "upload.js", "element.js", "challenge.js"],
  format: "esm",
  splitting: true,
  plugins: [lighter],
});

/** One runs before the first paint, the other in a worker: neither can be a module everywhere. */
const scripts = await build({
  ...common,
  entryPoints: ["theme.js", "challenge-worker.js"],
  format: "iife",
});

const sheets = (await readdir(styles)).filter((name) => name.endsWith(".css"));
const css = await build({
  ...common,
  entryPoints: [...sheets.map((name) => join(styles, name)), "lightbox.css", "challenge.css"],
  external: ["*.svg"],
});

const files = {};
for (const { metafile } of [modules, scripts, css]) {
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (output.entryPoint) files[basename(output.entryPoint)] = basename(path);
  }
}

/** The licences of what was bundled travel with it. */
const packages = Object.keys(JSON.parse(await readFile(join(here, "package.json"), "utf8")).dependencies);
const licences = [];
for (const name of packages) {
  const folder = join(here, "node_modules", name);
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const text = file ? await readFile(join(folder, file), "utf8") : "";
  licences.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
}

/** Only packed: hardly any client wants them otherwise, and the server unpacks for those. */
await mkdir(target, { recursive: true });
await writeFile(join(target, "licences.txt"), licences.join("\n\n"));
for (const name of await readdir(target)) {
  if (!/\.(js|css)$/.test(name)) continue;
  await writeFile(join(target, `${name}.gz`), gzipSync(await readFile(join(target, name)), { level: 9 }));
  await rm(join(target, name));
}
await writeFile(join(target, "manifest.json"), `${JSON.stringify(files, null, 1)}\n`);
