// The text of a page: paragraphs, headings and tables, or its lines. A line and its box on the image are highlighted together.
import { Boxes } from "./boxes.js";
import { createElement } from "./dom.js";
import { confidenceClass } from "./labels.js";
import { flowOf, hyphenatedWords, indicesOf, paragraphsOf, tableRows } from "./text_flow.js";

const CHUNK = 300; // lines added to the DOM at a time; more are added when the user scrolls near their end
const FIRST_HEADING = 4; // the title of the text pane is an h3

export class TextView {
  /**
   * @param {HTMLElement} list the container of the text
   * @param {SVGElement} boxes the container of the boxes
   * @param {HTMLElement} sheet the scrolling container around the boxes
   * @param {HTMLElement} copyButton shown at the paragraph under the pointer
   */
  constructor(list, boxes, sheet, copyButton) {
    this.list = list;
    this.boxes = new Boxes(boxes);
    this.sheet = sheet;
    this.copyButton = copyButton;
    this.asLines = false;
    this.active = -1;
    /** @type {any} the page record */
    this.page = null;
    /** @type {HTMLElement[]} by block index */
    this.lines = [];
    /** @type {any[]} */
    this.blocks = [];
    /** @type {any[]} */
    this.paragraphs = [];
    this.shown = 0; // paragraphs in the DOM
    /** @type {Set<string>} words of the page that are written with a hyphen */
    this.known = new Set();
    this.headingLevel = FIRST_HEADING - 1; // of the last heading
    this.end = createElement("div", { className: "lines-end" });
    new IntersectionObserver(([entry]) => entry.isIntersecting && this.#appendMore(), { root: list, rootMargin: "400px" }).observe(this.end);
    for (const side of [list, boxes]) {
      side.addEventListener("pointerover", (event) => event.target !== copyButton && this.#highlight(indexOf(event)));
      side.addEventListener("pointerleave", () => this.#highlight(-1));
    }
    list.addEventListener("click", (event) => this.#focusLine(indexOf(event), this.sheet));
    boxes.addEventListener("click", (event) => this.#focusLine(indexOf(event), this.list));
    list.addEventListener("keydown", (event) => this.#onKeydown(event));
  }

  /** @param {any|null} page a page record */
  show(page) {
    this.page = page;
    this.active = -1;
    this.lines = [];
    this.blocks = page?.blocks ?? [];
    this.paragraphs = paragraphsOf(page);
    this.shown = 0;
    this.known = hyphenatedWords(page?.text ?? "");
    this.headingLevel = FIRST_HEADING - 1;
    this.list.replaceChildren();
    this.list.classList.toggle("as-lines", this.asLines);
    this.list.scrollTop = 0;
    this.boxes.clear();
    this.#appendMore();
  }

  /** Show paragraphs, or each line as it is printed. @param {boolean} asLines */
  setAsLines(asLines) {
    this.asLines = asLines;
    const active = this.active;
    if (this.page) this.show(this.page);
    if (active >= 0) this.focus(active);
  }

  /** Highlight a line and scroll to it on both sides. @param {number} index of its block */
  focus(index) {
    this.#ensure(index);
    this.#focusLine(index, this.sheet);
    if (this.lines[index]) scrollIntoContainer(this.list, this.lines[index]);
  }

  /** Return the node of a line's text, and how many of its characters are shown. @param {number} index @returns {Text|null} */
  textNode(index) {
    this.#ensure(index);
    return /** @type {Text|null} */ (this.lines[index]?.firstChild ?? null);
  }

  /** Return the next line with a lower confidence than that, after a line or from the first. @param {number} after @param {number} confidence @returns {number} -1 for none */
  nextBelow(after, confidence) {
    return this.blocks.findIndex((block, index) => index > after && block.confidence < confidence);
  }

  /** Return the paragraph of the line that was highlighted last: the copy button is there. @returns {any|null} */
  activeParagraph() {
    const part = this.copyButton.closest(".part");
    return part ? this.paragraphs[Number(/** @type {HTMLElement} */ (part).dataset.paragraph)] : null;
  }

  /** @param {number} index */
  #ensure(index) {
    while (!this.lines[index] && this.shown < this.paragraphs.length) this.#appendMore();
  }

  #appendMore() {
    const until = this.lines.length + CHUNK;
    while (this.shown < this.paragraphs.length && this.lines.length < until) this.#appendParagraph();
    if (this.blocks.length) this.list.append(this.end);
  }

  #appendParagraph() {
    const part = this.#createParagraph(this.paragraphs[this.shown]);
    part.dataset.paragraph = String(this.shown++);
    this.list.append(part);
  }

  /** @param {any} paragraph */
  #createParagraph(paragraph) {
    if (paragraph.cells) return this.#createTable(paragraph.cells);
    const lines = this.#createLines(indicesOf(paragraph));
    if (paragraph.kind === "heading") return createElement(this.#headingTag(paragraph.level), { className: `part heading level-${paragraph.level}` }, ...lines);
    return createElement("p", { className: this.#isMarginal(paragraph) ? "part marginal" : "part" }, ...lines);
  }

  /** Return true for a running header, a footer or a page number. @param {any} paragraph */
  #isMarginal({ first, last }) {
    return (this.page.regions ?? []).some((/** @type {any} */ region) => /^(header|footer)$/.test(region.kind) && region.first !== null && first >= region.first && last <= region.last);
  }

  /** @param {number[]} indices of blocks */
  #createLines(indices) {
    const texts = this.asLines ? [] : flowOf(this.page, indices, this.known);
    return indices.map((index, at) => this.#createLine(index, texts[at]));
  }

  /** Return the element of a heading. It is at most one level below the heading before it, as screen readers expect. @param {number} level */
  #headingTag(level) {
    this.headingLevel = Math.min(FIRST_HEADING - 1 + Math.max(1, level), this.headingLevel + 1, 6);
    return `h${this.headingLevel}`;
  }

  /** @param {any[]} cells */
  #createTable(cells) {
    const rows = tableRows(cells).map((row) => createElement("tr", {}, ...row.map((cell) => this.#createCell(cell))));
    return createElement("div", { className: "part table" }, createElement("table", {}, createElement("tbody", {}, ...rows)));
  }

  /** @param {import("./text_flow.js").Cell} cell */
  #createCell({ row_span: rowSpan, col_span: colSpan, header, blocks }) {
    const kind = header ? { scope: colSpan > 1 ? "colgroup" : "col" } : {};
    return createElement(header ? "th" : "td", { rowSpan, colSpan, ...kind }, ...this.#createLines(blocks));
  }

  /** @param {number} index of the block @param {string} [text] as it is written in flowing text */
  #createLine(index, text) {
    const { text: printed, confidence, box } = this.blocks[index];
    const level = confidenceClass(confidence);
    const percent = `${Math.round(100 * confidence)} %`;
    const line = createElement("span", { className: `line ${level}`, title: `Confidence: ${percent}`, "data-index": index }, text ?? printed);
    if (level !== "sure" && this.asLines) line.append(createElement("small", { className: "percent" }, percent));
    this.lines[index] = line;
    this.boxes.add(index, level, box);
    return line;
  }

  /** @param {number} index of a line, -1 for none */
  #highlight(index) {
    if (index === this.active) return;
    for (const side of [this.lines, this.boxes.rects]) {
      side[this.active]?.classList.remove("highlighted");
      side[index]?.classList.add("highlighted");
    }
    this.active = index;
    const part = this.lines[index]?.closest(".part");
    if (part && this.copyButton.parentElement !== part) part.append(this.copyButton);
  }

  /** Highlight a line and its box, and scroll to it in `where`. @param {number} index @param {HTMLElement} where */
  #focusLine(index, where) {
    if (index < 0) return;
    this.#highlight(index);
    const target = where === this.list ? this.lines[index] : this.boxes.rects[index];
    if (target) scrollIntoContainer(where, target);
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    const step = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 })[event.key];
    if (!step || !this.blocks.length || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.focus(Math.max(0, Math.min(this.blocks.length - 1, this.active + step)));
  }
}

/** @param {Event} event @returns {number} */
function indexOf(event) {
  const found = /** @type {Element} */ (event.target).closest("[data-index]");
  return found ? Number(/** @type {HTMLElement} */ (found).dataset.index) : -1;
}

/** Scroll the container to the target. Unlike `scrollIntoView`, this does not scroll the window. @param {HTMLElement} container @param {Element} target */
export function scrollIntoContainer(container, target) {
  const [outer, inner] = [container.getBoundingClientRect(), target.getBoundingClientRect()];
  if (inner.top < outer.top) container.scrollTop -= outer.top - inner.top + 24;
  else if (inner.bottom > outer.bottom) container.scrollTop += inner.bottom - outer.bottom + 24;
  if (inner.left < outer.left || inner.left > outer.right) container.scrollLeft += inner.left - outer.left - 24;
}
