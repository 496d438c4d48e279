// What can go wrong on the way, named by what can be done about it.

/** The server answered, and it was no. */
export class Refused extends Error {
  /**
   * @param {string} message a sentence for people
   * @param {{status: number, code?: string, retryAfterS?: number | null}} facts
   */
  constructor(message, { status, code = "", retryAfterS = null }) {
    super(message);
    this.name = "Refused";
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }

  /** Asking again may help: the server is busy, or a store behind it is away. */
  get isPassing() {
    return this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

/** The connection broke, or never came about. Asking again may help. */
export class ConnectionLost extends Error {
  constructor(message = "The connection was lost.") {
    super(message);
    this.name = "ConnectionLost";
  }
}

/** The file is not what it was when it was chosen. */
export class FileChanged extends Error {
  constructor() {
    super("The file was changed or moved after it was chosen. Choose it again.");
    this.name = "FileChanged";
  }
}

/** Nothing that could be tried again would end otherwise. */
export class CannotSend extends Error {
  /** @param {string} message a sentence for people */
  constructor(message) {
    super(message);
    this.name = "CannotSend";
  }
}

/** @returns {DOMException} what a paused or cancelled request fails with */
export function aborted() {
  return new DOMException("Stopped.", "AbortError");
}

/** @param {unknown} fault */
export function isAborted(fault) {
  return fault instanceof DOMException && fault.name === "AbortError";
}

/** @param {unknown} fault */
export function isPassing(fault) {
  return fault instanceof ConnectionLost || (fault instanceof Refused && fault.isPassing);
}
