// <cimaise-gallery album="lakes" src="https://pictures.example"> shows an album in any page.
//
//   album   name of the album
//   src     the server; without it, the one that this module came from
//   limit   pictures, 1 to 100; 20 without it
//
// The pictures lead to the album's own page. Colours and sizes: --cimaise-gap, --cimaise-row and
// ::part(picture). Until the module is there, what stands inside of the element is shown.

const STYLE = `
  :host { display: block; container-type: inline-size }
  ul { display: flex; flex-wrap: wrap; gap: var(--cimaise-gap, 6px); margin: 0; padding: 0; list-style: none }
  ul::after { content: ""; flex: 1e4 }
  li { flex: var(--ratio) 1 calc(var(--ratio) * var(--cimaise-row, 180px)); max-width: 100%; aspect-ratio: var(--ratio) }
  a, img { display: block; width: 100%; height: 100% }
  a:focus-visible { outline: 3px solid; outline-offset: 2px }
  img { object-fit: cover; background: color-mix(in srgb, currentColor 8%, transparent) }
  p { margin: .5em 0 0; font-size: .85em }
`;

export class CimaiseGallery extends HTMLElement {
  static observedAttributes = ["album", "src", "limit"];

  /** @type {AbortController | undefined} */
  #asking;

  connectedCallback() {
    this.#show();
  }

  disconnectedCallback() {
    this.#asking?.abort();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#show();
  }

  get #server() {
    return (this.getAttribute("src") || import.meta.url.replace(/\/static\/.*$/, "")).replace(/\/+$/, "");
  }

  async #show() {
    const album = this.getAttribute("album");
    this.#asking?.abort();
    if (!album) return;
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    try {
      const path = `${this.#server}/api/albums/${encodeURIComponent(album)}`;
      const query = new URLSearchParams({ absolute: "1", limit: this.getAttribute("limit") || "20" });
      const answer = await fetch(`${path}?${query}`, { signal, credentials: "omit" });
      if (!answer.ok) throw new Error(String(answer.status));
      this.#hang(album, await answer.json());
      this.dispatchEvent(new CustomEvent("load"));
    } catch (fault) {
      if (!signal.aborted) this.dispatchEvent(new CustomEvent("error", { detail: fault }));
    }
  }

  /** @param {string} album @param {{images: any[]}} found */
  #hang(album, found) {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // no style element: pages may forbid those
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const page = `${this.#server}/gallery/${encodeURIComponent(album)}`;
    const list = document.createElement("ul");
    list.append(...found.images.map((image) => tile(image, page)));
    root.replaceChildren(list, ...credits(found.images));
  }
}

/** @param {any} image @param {string} page */
function tile(image, page) {
  const item = document.createElement("li");
  item.style.setProperty("--ratio", String(image.bigWidth / image.bigHeight));
  const link = document.createElement("a");
  link.href = image.sourceUrl ?? page;
  link.target = "_blank";
  link.rel = "noopener";
  const picture = document.createElement("img");
  picture.part.add("picture");
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.alt = image.alt;
  picture.sizes = `${Math.round((180 * image.bigWidth) / image.bigHeight)}px`;
  if (image.srcset) picture.srcset = image.srcset;
  picture.src = image.thumb;
  link.append(picture);
  item.append(link);
  return item;
}

/** @param {any[]} images who has to be named */
function credits(images) {
  const names = [...new Set(images.map((image) => image.attribution).filter(Boolean))];
  if (names.length === 0) return [];
  const line = document.createElement("p");
  line.textContent = names.join(" · ");
  return [line];
}

if (!customElements.get("cimaise-gallery")) customElements.define("cimaise-gallery", CimaiseGallery);
