// Files out of what was dropped or chosen, folders with all that is in them.

/**
 * A file with the folders that it lay in. They are for the eye: the server takes a name alone.
 * @typedef {{file: File, path: string}} Found
 */

/** What systems leave in folders, and nobody wants to send. */
const LITTER = new Set(["thumbs.db", "desktop.ini"]);

/**
 * What was dropped. Has to be called before the event is over: later a browser forgets it.
 * @param {DataTransfer | null} dropped
 * @returns {AsyncGenerator<Found>} in the order of names, folder by folder
 */
export function droppedFiles(dropped) {
  const items = [...(dropped?.items ?? [])].filter((item) => item.kind === "file");
  return filesOf(items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()));
}

/**
 * What was chosen; of a folder with the paths that the browser gives.
 * @param {Iterable<File>} files
 * @returns {Found[]}
 */
export function chosenFiles(files) {
  const found = [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  return found.filter(({ path }) => path.split("/").length === 1 || path.split("/").every(isWanted));
}

/**
 * @param {(FileSystemEntry | File | null)[]} entries
 * @returns {AsyncGenerator<Found>}
 */
async function* filesOf(entries) {
  for (const entry of entries) {
    if (entry instanceof File) yield { file: entry, path: entry.name };
    else if (entry) yield* filesBelow(entry);
  }
}

/**
 * @param {FileSystemEntry} entry
 * @returns {AsyncGenerator<Found>}
 */
async function* filesBelow(entry) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    yield { file: await fileOf(/** @type {FileSystemFileEntry} */ (entry)), path };
    return;
  }
  const inside = await entriesOf(/** @type {FileSystemDirectoryEntry} */ (entry));
  inside.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  for (const one of inside) if (isWanted(one.name)) yield* filesBelow(one);
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<FileSystemEntry[]>} all of them: a reader gives some at a time
 */
async function entriesOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    found.push(...some);
  }
}

/**
 * @param {FileSystemFileEntry} entry
 * @returns {Promise<File>}
 */
function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** @param {string} name of a file or folder in a folder */
function isWanted(name) {
  return !name.startsWith(".") && !LITTER.has(name.toLowerCase());
}
