// Buttons that copy the address beside them.

for (const button of document.querySelectorAll("[data-copy]")) {
  button.removeAttribute("hidden");
  button.addEventListener("click", () => void copy(/** @type {HTMLElement} */ (button)));
}

/** @param {HTMLElement} button */
async function copy(button) {
  const text = button.closest("[data-copied]")?.querySelector("[data-copy-text]");
  if (!text) return;
  const done = (await write(text.textContent ?? "")) || copySelected(text);
  const status = button.nextElementSibling;
  if (status) status.textContent = done ? "Copied" : "Select and copy it";
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} it is in the clipboard
 */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text); // absent where the page came without TLS
    return true;
  } catch {
    return false;
  }
}

/**
 * The older way, which asks for no TLS. The text stays selected.
 * @param {Element} text
 */
function copySelected(text) {
  getSelection()?.selectAllChildren(text);
  return document.execCommand("copy");
}
