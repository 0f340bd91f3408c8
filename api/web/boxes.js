// The boxes on the page image: of the lines, and of the places that a search has found.

const SVG = "http://www.w3.org/2000/svg";

export class Boxes {
  /** @param {SVGElement} element drawn over the image, one unit wide and high */
  constructor(element) {
    this.element = element;
    /** @type {SVGElement[]} by block index */
    this.rects = [];
    /** @type {SVGElement[]} */
    this.hits = [];
  }

  clear() {
    this.rects = [];
    this.hits = [];
    this.element.replaceChildren();
  }

  /** @param {number} index of the block @param {string} level of its confidence @param {number[]} box */
  add(index, level, [left, top, right, bottom]) {
    const rect = createRect({ x: left, y: top, width: right - left, height: bottom - top, class: level, "data-index": index });
    this.element.append(rect);
    this.rects[index] = rect;
  }

  /** Draw what a search has found, over the lines. @param {{box: number[], current: boolean}[]} hits */
  showHits(hits) {
    for (const hit of this.hits) hit.remove();
    this.hits = hits.map(({ box: [left, top, right, bottom], current }) =>
      createRect({ x: left, y: top, width: right - left, height: bottom - top, class: current ? "hit current" : "hit" }),
    );
    this.element.append(...this.hits);
  }
}

/** @param {Record<string, any>} attributes @returns {SVGElement} */
function createRect(attributes) {
  const rect = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries(attributes)) rect.setAttribute(name, String(value));
  return rect;
}

/** Return the part of a line's box that some of its letters take, as if all were equally wide. @param {any} block @param {number} from @param {number} to */
export function partOfBox({ text, box }, from, to) {
  const [left, top, right, bottom] = box;
  const at = (/** @type {number} */ index, /** @type {number} */ start, /** @type {number} */ end) => start + ((end - start) * index) / Math.max(1, text.length);
  if (bottom - top > 3 * (right - left) && text.length > 3) return [left, at(from, top, bottom), right, at(to, top, bottom)]; // set upwards or downwards
  return [at(from, left, right), top, at(to, left, right), bottom];
}
