// Dragging by mouse, pen and finger: by pointer events, for HTML's own dragging knows no fingers.

const EDGE_PX = 80; // so near the window's edge the page scrolls along
const SCROLL_PX = 14;
const MOVED_PX = 5; // less is a click

/**
 * @param {HTMLElement} list
 * @param {(piece: HTMLElement, back: () => void) => void} onDropped not called where it was let go
 *   where it had been; `back` puts it there again
 */
export function makeDraggable(list, onDropped) {
  for (const grip of list.querySelectorAll("[data-grip]")) grip.removeAttribute("hidden");
  list.addEventListener("pointerdown", (event) => {
    const target = /** @type {Element} */ (event.target);
    // A finger on the picture itself scrolls the page.
    const held = target.closest(event.pointerType === "mouse" ? ".print" : "[data-grip]");
    const piece = held?.closest("[data-piece]");
    if (event.button !== 0 || !event.isPrimary || !(piece instanceof HTMLElement)) return;
    event.preventDefault();
    list.setPointerCapture(event.pointerId); // a finger would be lost with the picture that moves
    follow(list, piece, event, onDropped);
  });
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} piece
 * @param {PointerEvent} begun
 * @param {(piece: HTMLElement, back: () => void) => void} onDropped
 */
function follow(list, piece, begun, onDropped) {
  const ended = new AbortController();
  const following = piece.nextElementSibling;
  const back = () => list.insertBefore(piece, following);
  let moved = false;

  /** @param {boolean} dropped */
  const end = (dropped) => {
    ended.abort();
    piece.classList.remove("dragged");
    document.documentElement.classList.remove("dragging");
    if (!dropped) back();
    else if (piece.nextElementSibling !== following) onDropped(piece, back);
  };
  /** @param {PointerEvent} event */
  const move = (event) => {
    if (event.pointerId !== begun.pointerId) return;
    moved ||= Math.hypot(event.clientX - begun.clientX, event.clientY - begun.clientY) > MOVED_PX;
    if (!moved) return;
    piece.classList.add("dragged");
    document.documentElement.classList.add("dragging");
    scrollNear(event.clientY);
    put(list, piece, event);
  };
  const { signal } = ended;
  addEventListener("pointermove", move, { signal });
  addEventListener("pointerup", (event) => event.pointerId === begun.pointerId && end(moved), { signal });
  addEventListener("pointercancel", () => end(false), { signal });
  addEventListener("keydown", (event) => event.key === "Escape" && end(false), { signal });
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} piece
 * @param {PointerEvent} event
 */
function put(list, piece, event) {
  const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-piece]");
  if (!over || over === piece || over.parentElement !== list) return;
  const box = over.getBoundingClientRect();
  const behind = list.clientWidth < 2 * box.width ? event.clientY > box.top + box.height / 2 : event.clientX > box.left + box.width / 2;
  list.insertBefore(piece, behind ? over.nextElementSibling : over);
}

/** @param {number} y */
function scrollNear(y) {
  if (y < EDGE_PX) scrollBy(0, -SCROLL_PX);
  else if (y > innerHeight - EDGE_PX) scrollBy(0, SCROLL_PX);
}
