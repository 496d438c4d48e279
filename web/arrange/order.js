// Where a picture goes, among those of its page.

/**
 * @param {Element} list
 * @param {Element} piece
 * @param {string} action first, earlier, later or last
 * @returns {Element | null | undefined} before which one it hangs then; null: at the end;
 *   undefined: that is not on this page, or not for this page to know
 */
export function neighbour(list, piece, action) {
  const { previousElementSibling: before, nextElementSibling: after } = piece;
  if (action === "earlier") return before ?? undefined;
  if (action === "later") return after ? after.nextElementSibling : undefined;
  const whole = !document.querySelector("[data-pages]");
  if (action === "first") return whole ? list.firstElementChild : undefined;
  return whole && action === "last" ? null : undefined;
}

/**
 * @param {Element} piece
 * @returns {{action: string, other: string} | null} the fields that say where it hangs now
 */
export function beside(piece) {
  const { previousElementSibling: before, nextElementSibling: after } = piece;
  const other = before ?? after;
  if (!(other instanceof HTMLElement) || !other.dataset.piece) return null;
  return { action: before ? "behind" : "before", other: other.dataset.piece };
}
