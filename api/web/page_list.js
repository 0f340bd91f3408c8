// The list of pages: a virtual listbox. Only the visible rows are in the DOM, so it may be of any length.
import { createElement, oncePerFrame, setAttribute, setText } from "./dom.js";

const ROW_HEIGHT = 64; // px; same value in style.css
const EXTRA_ROWS = 4; // rows kept above and below the visible ones

/** @type {Record<import("./job.js").PageState, string>} */
const SNIPPETS = { ok: "No text on this page", failed: "Could not be read", waiting: "" };

export class PageList {
  /** @param {HTMLElement} element @param {(number: number) => void} onSelect */
  constructor(element, onSelect) {
    this.element = element;
    this.onSelect = onSelect;
    this.space = createElement("div", { role: "presentation", className: "page-space" });
    element.append(this.space);
    /** @type {Map<number, HTMLElement>} by row */
    this.rows = new Map();
    /** @type {import("./job.js").Job|null} */
    this.job = null;
    this.selected = 0;
    this.render = oncePerFrame(() => this.#render());
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
      this.#scrollToRow(job.rowOf(selected));
    }
    this.render();
  }

  #render() {
    const job = this.job;
    if (!job) return;
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - EXTRA_ROWS);
    const last = Math.min(job.rows, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + EXTRA_ROWS) - 1;
    this.space.style.height = `${job.rows * ROW_HEIGHT}px`;
    for (const [row, element] of this.rows) {
      if (row >= first && row <= last) continue;
      element.remove();
      this.rows.delete(row);
    }
    for (let row = first; row <= last; row++) this.#updateRow(job, row);
    const active = this.rows.get(job.rowOf(this.selected));
    setAttribute(this.element, "aria-activedescendant", active?.id ?? null);
  }

  /** @param {import("./job.js").Job} job @param {number} row */
  #updateRow(job, row) {
    const element = this.rows.get(row) ?? this.#createRow(row);
    const number = job.pageAt(row);
    const state = job.stateOf(number);
    const waiting = job.streamEnded ? "Not read" : "";
    const snippet = state === "failed" ? SNIPPETS.failed : job.snippets[number] || (state === "waiting" ? waiting : SNIPPETS[state]);
    const [label, text, source] = /** @type {any} */ (element.children);
    setText(label, number ? String(number) : "…");
    setText(text, snippet);
    const warned = state === "ok" && (job.warnings[number]?.length ?? 0) > 0;
    setText(source, state === "ok" ? (warned ? "⚠ " : "") + (job.sources[number] === "ocr" ? "OCR" : "text") : "");
    setAttribute(element, "data-state", state);
    setAttribute(element, "data-page", String(number));
    setAttribute(element, "aria-label", `Page ${number || "number unknown"}${warned ? ", with a warning" : ""}: ${snippet || "not read yet"}`);
    setAttribute(element, "aria-setsize", String(job.rows));
    setAttribute(element, "aria-selected", String(number === this.selected && number > 0));
  }

  /** @param {number} row */
  #createRow(row) {
    const element = createElement(
      "div",
      { role: "option", className: "page-row", id: `page-row-${row}`, "aria-posinset": String(row + 1) },
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
    const at = job.rowOf(this.selected);
    const pageStep = Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: pageStep, PageUp: -pageStep, Home: -job.rows, End: job.rows };
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const number = job.pageAt(Math.max(0, Math.min(job.rows - 1, at + step)));
    if (number) this.onSelect(number);
  }

  /** @param {number} row */
  #scrollToRow(row) {
    const { scrollTop, clientHeight } = this.element;
    const top = row * ROW_HEIGHT;
    if (row < 0) return;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.element.scrollTop = top + ROW_HEIGHT - clientHeight;
  }
}
