// The list of pages: a virtual listbox. Only the visible rows are in the DOM, so it may be of any length.
import { createElement, oncePerFrame, pluralize, setAttribute, setText } from "./dom.js";
import { Thumbnails } from "./thumbnails.js";

const ROW_HEIGHT = 84; // px; same value in style.css
const EXTRA_ROWS = 4; // rows kept above and below the visible ones

/** @type {Record<import("./job.js").PageState, string>} */
const SNIPPETS = { ok: "No text on this page", failed: "Could not be read", waiting: "" };

export class PageList {
  /** @param {HTMLElement} element @param {(number: number) => void} onSelect @param {() => boolean} isBusy returns true while thumbnails are to wait */
  constructor(element, onSelect, isBusy) {
    this.element = element;
    /** @type {{numbers: number[], counts: Map<number, number>, snippet: (number: number) => string}|null} */
    this.found = null; // what a search has found: only these pages are listed
    this.onSelect = onSelect;
    this.space = createElement("div", { role: "presentation", className: "page-space" });
    element.append(this.space);
    /** @type {Map<number, HTMLElement>} by row */
    this.rows = new Map();
    /** @type {import("./job.js").Job|null} */
    this.job = null;
    this.selected = 0;
    this.scrollTo = 0; // a page number to scroll to, as soon as it has a row
    this.render = oncePerFrame(() => this.#render());
    this.thumbnails = new Thumbnails(isBusy, this.render);
    element.addEventListener("scroll", this.render, { passive: true });
    element.addEventListener("click", (event) => this.#onClick(event));
    element.addEventListener("keydown", (event) => this.#onKeydown(event));
    new ResizeObserver(this.render).observe(element);
  }

  /** @param {import("./job.js").Job} job @param {number} selected a page number */
  show(job, selected) {
    if (job !== this.job) {
      this.job = job;
      this.element.scrollTop = 0;
      this.space.replaceChildren();
      this.rows.clear();
      this.selected = 0;
    }
    if (selected !== this.selected) {
      this.selected = selected;
      this.scrollTo = selected;
    }
    this.render();
  }

  /** List only these pages, those with hits of a search; null lists all. @param {PageList["found"]} found */
  showFound(found) {
    if (!found !== !this.found) this.scrollTo = this.selected;
    this.found = found;
    this.render();
  }

  get #rows() {
    return this.found ? this.found.numbers.length : (this.job?.rows ?? 0);
  }

  /** @param {number} row @returns {number} a page number, 0 if it is not known yet */
  #pageAt(row) {
    return (this.found ? this.found.numbers[row] : this.job?.pageAt(row)) ?? 0;
  }

  /** @param {number} number @returns {number} -1 if the page has no row */
  #rowOf(number) {
    return this.found ? this.found.numbers.indexOf(number) : (this.job?.rowOf(number) ?? -1);
  }

  #render() {
    const job = this.job;
    if (!job) return;
    this.space.style.height = `${this.#rows * ROW_HEIGHT}px`;
    this.#scrollToPage();
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - EXTRA_ROWS);
    const last = Math.min(this.#rows, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + EXTRA_ROWS) - 1;
    for (const [row, element] of this.rows) {
      if (row >= first && row <= last) continue;
      element.remove();
      this.rows.delete(row);
    }
    for (let row = first; row <= last; row++) this.#updateRow(job, row);
    const active = this.rows.get(this.#rowOf(this.selected));
    setAttribute(this.element, "aria-activedescendant", active?.id ?? null);
    this.#wantThumbnails(job, Math.floor(scrollTop / ROW_HEIGHT), Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) - 1);
  }

  /** Fetch the images of the visible rows. Pages that wait are left out: to draw them would delay the reading. @param {import("./job.js").Job} job @param {number} first @param {number} last */
  #wantThumbnails(job, first, last) {
    if (!this.element.clientHeight) return;
    const numbers = [];
    for (let row = first; row <= last; row++) {
      const number = this.rows.has(row) ? this.#pageAt(row) : 0;
      if (number && (job.ended || job.stateOf(number) !== "waiting")) numbers.push(number);
    }
    this.thumbnails.want(job, numbers);
  }

  /** @param {import("./job.js").Job} job @param {number} row */
  #updateRow(job, row) {
    const element = this.rows.get(row) ?? this.#createRow(row);
    const number = this.#pageAt(row);
    const state = job.stateOf(number);
    const snippet = this.#snippet(job, number, state);
    const hits = this.found?.counts.get(number) ?? 0;
    const [thumbnail, label, text, source] = /** @type {any} */ (element.children);
    this.#showThumbnail(thumbnail, this.thumbnails.get(job, number));
    setText(label, number ? number.toLocaleString("en") : "…");
    setText(text, snippet);
    const warned = state === "ok" && (job.warnings[number]?.length ?? 0) > 0;
    const from = state === "ok" ? (warned ? "⚠ " : "") + (job.sources[number] === "ocr" ? "OCR" : "text") : "";
    setText(source, hits ? pluralize(hits, "hit") : from);
    setAttribute(element, "data-state", state);
    setAttribute(element, "data-page", String(number));
    setAttribute(element, "aria-label", `Page ${number || "number unknown"}${warned ? ", with a warning" : ""}${hits ? `, ${pluralize(hits, "hit")}` : ""}: ${snippet || "not read yet"}`);
    setAttribute(element, "aria-setsize", String(this.#rows));
    setAttribute(element, "aria-selected", String(number === this.selected && number > 0));
  }

  /** @param {import("./job.js").Job} job @param {number} number @param {import("./job.js").PageState} state */
  #snippet(job, number, state) {
    if (this.found) return this.found.snippet(number);
    if (state === "failed") return SNIPPETS.failed;
    return job.snippets[number] || (state === "waiting" && job.streamEnded ? "Not read" : SNIPPETS[state]);
  }

  /** @param {HTMLImageElement} image @param {string} url */
  #showThumbnail(image, url) {
    if (image.getAttribute("src") === (url || null)) return;
    setAttribute(image, "src", url || null);
  }

  /** @param {number} row */
  #createRow(row) {
    const element = createElement(
      "div",
      { role: "option", className: "page-row", id: `page-row-${row}`, "aria-posinset": String(row + 1) },
      createElement("img", { className: "page-thumbnail", alt: "" }),
      createElement("span", { className: "page-number" }),
      createElement("span", { className: "page-snippet" }),
      createElement("span", { className: "page-from" }),
    );
    element.style.transform = `translateY(${row * ROW_HEIGHT}px)`;
    this.rows.set(row, element);
    this.space.append(element);
    return element;
  }

  /** @param {Event} event */
  #onClick(event) {
    const row = /** @type {HTMLElement} */ (event.target).closest(".page-row");
    const number = Number(/** @type {HTMLElement|null} */ (row)?.dataset.page);
    if (number) this.onSelect(number);
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    const job = this.job;
    if (!job) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#rowOf(this.selected);
    const pageStep = Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: pageStep, PageUp: -pageStep, Home: -this.#rows, End: this.#rows };
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const number = this.#pageAt(Math.max(0, Math.min(this.#rows - 1, at + step)));
    if (number) this.onSelect(number);
  }

  /** Scroll to the selected page once after it was selected, when it has a row and the list is visible. */
  #scrollToPage() {
    const row = this.scrollTo ? this.#rowOf(this.scrollTo) : -1;
    if (row < 0 || row >= this.#rows || !this.element.clientHeight) return;
    this.scrollTo = 0;
    const { scrollTop, clientHeight } = this.element;
    const top = row * ROW_HEIGHT;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.element.scrollTop = top + ROW_HEIGHT - clientHeight;
  }
}
