// A page's lines beside its boxes: each lights up with the other.
import { make } from "./dom.js";
import { sureness } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 300; // lines put into the DOM at once; more of them as their end comes into sight

export class Lines {
  /**
   * @param {HTMLElement} list where the lines go
   * @param {SVGElement} boxes where the boxes go
   * @param {HTMLElement} sheet what scrolls around the boxes
   */
  constructor(list, boxes, sheet) {
    this.list = list;
    this.boxes = boxes;
    this.sheet = sheet;
    this.active = -1;
    /** @type {HTMLElement[]} by index of block */
    this.lines = [];
    /** @type {Element[]} */
    this.rects = [];
    /** @type {any[]} */
    this.blocks = [];
    /** @type {any[]} paragraphs that are not in the DOM yet */
    this.rest = [];
    this.end = make("div", { className: "lines-end" });
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.#more(), { root: list, rootMargin: "400px" }).observe(this.end);
    for (const side of [list, boxes]) {
      side.addEventListener("pointerover", (event) => this.#light(indexOf(event)));
      side.addEventListener("pointerleave", () => this.#light(-1));
    }
    list.addEventListener("click", (event) => this.#go(indexOf(event), this.sheet));
    boxes.addEventListener("click", (event) => this.#go(indexOf(event), this.list));
    list.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** @param {any|null} page a page record */
  show(page) {
    this.active = -1;
    this.lines = [];
    this.rects = [];
    this.blocks = page?.blocks ?? [];
    this.rest = paragraphsOf(page);
    this.list.replaceChildren();
    this.list.scrollTop = 0;
    this.boxes.replaceChildren();
    this.#more();
  }

  #more() {
    const until = this.lines.length + STEP;
    while (this.rest.length && this.lines.length < until) this.list.append(this.#paragraph(this.rest.shift()));
    if (this.blocks.length) this.list.append(this.end);
  }

  /** @param {any} paragraph */
  #paragraph({ kind, level, first, last, cells }) {
    if (kind === "table" && cells) return this.#table(cells);
    const lines = [];
    for (let index = first; index <= last; index++) lines.push(this.#line(index));
    return make("p", { className: kind === "heading" ? `heading level-${level}` : "paragraph" }, ...lines);
  }

  /** @param {(number|null)[][]} cells */
  #table(cells) {
    const cell = (/** @type {number|null} */ index) => make("td", {}, ...(index === null ? [] : [this.#line(index)]));
    const rows = cells.map((row) => make("tr", {}, ...row.map(cell)));
    return make("table", {}, make("tbody", {}, ...rows));
  }

  /** @param {number} index */
  #line(index) {
    const { text, confidence, box } = this.blocks[index];
    const sure = sureness(confidence);
    const percent = `${Math.round(100 * confidence)} %`;
    const line = make("span", { className: `line ${sure}`, title: `read with a confidence of ${percent}`, "data-index": index }, text);
    if (sure !== "sure") line.append(make("small", { className: "percent" }, percent));
    this.lines[index] = line;
    this.rects[index] = this.#rect(index, sure, box);
    return line;
  }

  /** @param {number} index @param {string} sure @param {number[]} box */
  #rect(index, sure, [left, top, right, bottom]) {
    const rect = document.createElementNS(SVG, "rect");
    const about = { x: left, y: top, width: right - left, height: bottom - top, class: sure, "data-index": index };
    for (const [name, value] of Object.entries(about)) rect.setAttribute(name, String(value));
    this.boxes.append(rect);
    return rect;
  }

  /** @param {number} index -1 for none */
  #light(index) {
    if (index === this.active) return;
    for (const side of [this.lines, this.rects]) {
      side[this.active]?.classList.remove("lit");
      side[index]?.classList.add("lit");
    }
    this.active = index;
  }

  /** Lights a line up and scrolls its other half into sight. @param {number} index @param {HTMLElement} where */
  #go(index, where) {
    this.#light(index);
    const target = where === this.list ? this.lines[index] : this.rects[index];
    if (target) reveal(where, target);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const step = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 })[event.key];
    if (!step || !this.lines.length) return;
    event.preventDefault();
    if (this.active + step >= this.lines.length) this.#more();
    const index = Math.max(0, Math.min(this.lines.length - 1, this.active + step));
    this.#go(index, this.sheet);
    reveal(this.list, this.lines[index]);
  }
}

/** @param {Event} event @returns {number} */
function indexOf(event) {
  const found = /** @type {Element} */ (event.target).closest("[data-index]");
  return found ? Number(/** @type {HTMLElement} */ (found).dataset.index) : -1;
}

/** Scrolls only this container, for the window shall stay where it is. @param {HTMLElement} container @param {Element} target */
function reveal(container, target) {
  const [outer, inner] = [container.getBoundingClientRect(), target.getBoundingClientRect()];
  if (inner.top < outer.top) container.scrollTop -= outer.top - inner.top + 24;
  else if (inner.bottom > outer.bottom) container.scrollTop += inner.bottom - outer.bottom + 24;
  if (inner.left < outer.left || inner.left > outer.right) container.scrollLeft += inner.left - outer.left - 24;
}

/** A page's paragraphs; blocks that are in none make one of their own. @param {any|null} page */
function paragraphsOf(page) {
  const count = page?.blocks?.length ?? 0;
  if (page?.paragraphs?.length) return [...page.paragraphs];
  return count ? [{ kind: "text", first: 0, last: count - 1 }] : [];
}
