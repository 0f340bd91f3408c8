// The lines of a page and their boxes on the page image. A line and its box are highlighted together.
import { createElement } from "./dom.js";
import { confidenceClass } from "./labels.js";

const SVG = "http://www.w3.org/2000/svg";
const CHUNK = 300; // lines added to the DOM at a time; more are added when the user scrolls near their end

export class LineView {
  /**
   * @param {HTMLElement} list the container of the lines
   * @param {SVGElement} boxes the container of the boxes
   * @param {HTMLElement} sheet the scrolling container around the boxes
   */
  constructor(list, boxes, sheet) {
    this.list = list;
    this.boxes = boxes;
    this.sheet = sheet;
    this.active = -1;
    /** @type {HTMLElement[]} by block index */
    this.lines = [];
    /** @type {Element[]} */
    this.rects = [];
    /** @type {any[]} */
    this.blocks = [];
    /** @type {any[]} the paragraphs that are not in the DOM yet */
    this.remaining = [];
    this.end = createElement("div", { className: "lines-end" });
    new IntersectionObserver(([entry]) => entry.isIntersecting && this.#appendMore(), { root: list, rootMargin: "400px" }).observe(this.end);
    for (const side of [list, boxes]) {
      side.addEventListener("pointerover", (event) => this.#highlight(indexOf(event)));
      side.addEventListener("pointerleave", () => this.#highlight(-1));
    }
    list.addEventListener("click", (event) => this.#focusLine(indexOf(event), this.sheet));
    boxes.addEventListener("click", (event) => this.#focusLine(indexOf(event), this.list));
    list.addEventListener("keydown", (event) => this.#onKeydown(event));
  }

  /** @param {any|null} page a page record */
  show(page) {
    this.active = -1;
    this.lines = [];
    this.rects = [];
    this.blocks = page?.blocks ?? [];
    this.remaining = paragraphsOf(page);
    this.list.replaceChildren();
    this.list.scrollTop = 0;
    this.boxes.replaceChildren();
    this.#appendMore();
  }

  #appendMore() {
    const until = this.lines.length + CHUNK;
    while (this.remaining.length && this.lines.length < until) this.list.append(this.#createParagraph(this.remaining.shift()));
    if (this.blocks.length) this.list.append(this.end);
  }

  /** @param {any} paragraph */
  #createParagraph({ kind, level, first, last, cells }) {
    if (kind === "table" && cells) return this.#createTable(cells);
    const lines = [];
    for (let index = first; index <= last; index++) lines.push(this.#createLine(index));
    return createElement("p", { className: kind === "heading" ? `heading level-${level}` : "paragraph" }, ...lines);
  }

  /** @param {(number|null)[][]} cells */
  #createTable(cells) {
    const cell = (/** @type {number|null} */ index) => createElement("td", {}, ...(index === null ? [] : [this.#createLine(index)]));
    const rows = cells.map((row) => createElement("tr", {}, ...row.map(cell)));
    return createElement("table", {}, createElement("tbody", {}, ...rows));
  }

  /** @param {number} index */
  #createLine(index) {
    const { text, confidence, box } = this.blocks[index];
    const level = confidenceClass(confidence);
    const percent = `${Math.round(100 * confidence)} %`;
    const line = createElement("span", { className: `line ${level}`, title: `Confidence: ${percent}`, "data-index": index }, text);
    if (level !== "sure") line.append(createElement("small", { className: "percent" }, percent));
    this.lines[index] = line;
    this.rects[index] = this.#createBox(index, level, box);
    return line;
  }

  /** @param {number} index @param {string} level @param {number[]} box */
  #createBox(index, level, [left, top, right, bottom]) {
    const rect = document.createElementNS(SVG, "rect");
    const attributes = { x: left, y: top, width: right - left, height: bottom - top, class: level, "data-index": index };
    for (const [name, value] of Object.entries(attributes)) rect.setAttribute(name, String(value));
    this.boxes.append(rect);
    return rect;
  }

  /** @param {number} index of a line, -1 for none */
  #highlight(index) {
    if (index === this.active) return;
    for (const side of [this.lines, this.rects]) {
      side[this.active]?.classList.remove("highlighted");
      side[index]?.classList.add("highlighted");
    }
    this.active = index;
  }

  /** Highlight a line and its box, and scroll to it in `where`. @param {number} index @param {HTMLElement} where */
  #focusLine(index, where) {
    this.#highlight(index);
    const target = where === this.list ? this.lines[index] : this.rects[index];
    if (target) scrollIntoContainer(where, target);
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    const step = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 })[event.key];
    if (!step || !this.lines.length) return;
    event.preventDefault();
    if (this.active + step >= this.lines.length) this.#appendMore();
    const index = Math.max(0, Math.min(this.lines.length - 1, this.active + step));
    this.#focusLine(index, this.sheet);
    scrollIntoContainer(this.list, this.lines[index]);
  }
}

/** @param {Event} event @returns {number} */
function indexOf(event) {
  const found = /** @type {Element} */ (event.target).closest("[data-index]");
  return found ? Number(/** @type {HTMLElement} */ (found).dataset.index) : -1;
}

/** Scroll the container to the target. Unlike `scrollIntoView`, this does not scroll the window. @param {HTMLElement} container @param {Element} target */
function scrollIntoContainer(container, target) {
  const [outer, inner] = [container.getBoundingClientRect(), target.getBoundingClientRect()];
  if (inner.top < outer.top) container.scrollTop -= outer.top - inner.top + 24;
  else if (inner.bottom > outer.bottom) container.scrollTop += inner.bottom - outer.bottom + 24;
  if (inner.left < outer.left || inner.left > outer.right) container.scrollLeft += inner.left - outer.left - 24;
}

/** Return the paragraphs of a page. Without paragraphs, all blocks form one. @param {any|null} page */
function paragraphsOf(page) {
  const count = page?.blocks?.length ?? 0;
  if (page?.paragraphs?.length) return [...page.paragraphs];
  return count ? [{ kind: "text", first: 0, last: count - 1 }] : [];
}
