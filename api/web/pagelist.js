// The list of pages: a listbox of any length, of which only the rows in sight are in the DOM.
import { attribute, inFrame, make, say } from "./dom.js";

const ROW = 64; // px, as in style.css
const AROUND = 4; // rows kept above and below what is in sight

/** @type {Record<import("./job.js").PageState, string>} */
const SAID = { ok: "No text on this page", failed: "Could not be read", waiting: "" };

export class PageList {
  /** @param {HTMLElement} element @param {(number: number) => void} chosen */
  constructor(element, chosen) {
    this.element = element;
    this.chosen = chosen;
    this.space = make("div", { role: "presentation", className: "page-space" });
    element.append(this.space);
    /** @type {Map<number, HTMLElement>} by row */
    this.rows = new Map();
    /** @type {import("./job.js").Job|null} */
    this.job = null;
    this.selected = 0;
    this.render = inFrame(() => this.#render());
    element.addEventListener("scroll", this.render, { passive: true });
    element.addEventListener("click", (event) => this.#clicked(event));
    element.addEventListener("keydown", (event) => this.#pressed(event));
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
      this.#reveal(job.rowOf(selected));
    }
    this.render();
  }

  #render() {
    const job = this.job;
    if (!job) return;
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - AROUND);
    const last = Math.min(job.rows, Math.ceil((scrollTop + clientHeight) / ROW) + AROUND) - 1;
    this.space.style.height = `${job.rows * ROW}px`;
    for (const [row, element] of this.rows) {
      if (row >= first && row <= last) continue;
      element.remove();
      this.rows.delete(row);
    }
    for (let row = first; row <= last; row++) this.#fill(job, row);
    const active = this.rows.get(job.rowOf(this.selected));
    attribute(this.element, "aria-activedescendant", active?.id ?? null);
  }

  /** @param {import("./job.js").Job} job @param {number} row */
  #fill(job, row) {
    const element = this.rows.get(row) ?? this.#made(row);
    const number = job.pageAt(row);
    const state = job.stateOf(number);
    const waiting = job.told ? "Was not read" : "";
    const snippet = state === "failed" ? SAID.failed : job.snippets[number] || (state === "waiting" ? waiting : SAID[state]);
    const [shown, text, source] = /** @type {any} */ (element.children);
    say(shown, number ? String(number) : "…");
    say(text, snippet);
    say(source, state === "ok" ? (job.sources[number] === "ocr" ? "OCR" : "text") : "");
    attribute(element, "data-state", state);
    attribute(element, "data-page", String(number));
    attribute(element, "aria-label", `Page ${number || "not known yet"}: ${snippet || "not read yet"}`);
    attribute(element, "aria-setsize", String(job.rows));
    attribute(element, "aria-selected", String(number === this.selected && number > 0));
  }

  /** @param {number} row */
  #made(row) {
    const element = make(
      "div",
      { role: "option", className: "page-row", id: `page-row-${row}`, "aria-posinset": String(row + 1) },
      make("span", { className: "page-number" }),
      make("span", { className: "page-snippet" }),
      make("span", { className: "page-from" }),
    );
    element.style.transform = `translateY(${row * ROW}px)`;
    this.rows.set(row, element);
    this.space.append(element);
    return element;
  }

  /** @param {Event} event */
  #clicked(event) {
    const row = /** @type {HTMLElement} */ (event.target).closest(".page-row");
    const number = Number(/** @type {HTMLElement|null} */ (row)?.dataset.page);
    if (number) this.chosen(number);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const job = this.job;
    if (!job) return;
    const at = job.rowOf(this.selected);
    const leap = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: leap, PageUp: -leap, Home: -job.rows, End: job.rows };
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const number = job.pageAt(Math.max(0, Math.min(job.rows - 1, at + step)));
    if (number) this.chosen(number);
  }

  /** @param {number} row */
  #reveal(row) {
    const { scrollTop, clientHeight } = this.element;
    const top = row * ROW;
    if (row < 0) return;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.element.scrollTop = top + ROW - clientHeight;
  }
}
