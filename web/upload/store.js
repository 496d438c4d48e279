// What is remembered of unfinished uploads, so that a reload is not the end of them. No bytes and
// no secrets: an id, and how to recognise the file when it is chosen again.

/**
 * @typedef {object} Unfinished
 * @property {string} key of the file, see `keyOf`
 * @property {string} id of the upload at the server
 * @property {string} collection
 * @property {string} name
 * @property {number} size
 * @property {number} startedAt milliseconds since 1970
 * @property {Record<number, string>} [etags] of the parts whose arrival this browser was told of
 */

/**
 * @typedef {object} Store
 * @property {(key: string) => Promise<Unfinished | null>} get
 * @property {(one: Unfinished) => Promise<void>} put
 * @property {(key: string) => Promise<void>} remove
 * @property {() => Promise<Unfinished[]>} all
 */

const NAME = "cimaise-uploads";
const TABLE = "unfinished";

/**
 * The same file, sent to the same collection, by what a browser tells of it.
 * @param {{name: string, size: number, lastModified: number}} file
 * @param {string} collection
 * @param {string} account
 */
export function keyOf(file, collection, account) {
  return JSON.stringify([account, collection, file.name, file.size, file.lastModified]);
}

/**
 * Where the browser keeps things; in a private window that may be forbidden, and then uploads
 * work, but a reload is the end of them.
 * @returns {Store}
 */
export function browserStore() {
  /** @type {Promise<IDBDatabase> | null} */
  let opened = null;
  const database = () => (opened ??= open());
  return {
    get: (key) => quietly(async () => (await ask(database, "readonly", (t) => t.get(key))) ?? null, null),
    put: (one) => quietly(() => ask(database, "readwrite", (t) => t.put(one)).then(() => {}), undefined),
    remove: (key) => quietly(() => ask(database, "readwrite", (t) => t.delete(key)), undefined),
    all: () => quietly(() => ask(database, "readonly", (t) => t.getAll()), []),
  };
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
}

/**
 * @template T
 * @param {() => Promise<IDBDatabase>} database
 * @param {IDBTransactionMode} mode
 * @param {(table: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
async function ask(database, mode, work) {
  const transaction = (await database()).transaction(TABLE, mode);
  const request = work(transaction.objectStore(TABLE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

/**
 * @template T
 * @param {() => Promise<T>} work
 * @param {T} otherwise
 * @returns {Promise<T>}
 */
async function quietly(work, otherwise) {
  try {
    return await work();
  } catch {
    return otherwise;
  }
}

/**
 * A store for as long as the page lives.
 * @returns {Store}
 */
export function memoryStore() {
  /** @type {Map<string, Unfinished>} */
  const kept = new Map();
  return {
    get: async (key) => kept.get(key) ?? null,
    put: async (one) => void kept.set(one.key, one),
    remove: async (key) => void kept.delete(key),
    all: async () => [...kept.values()],
  };
}
