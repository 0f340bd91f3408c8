// The lines of a paragraph as flowing text: words that were hyphenated at the end of a line become whole again.
// Same rules as slimgest_celery/layout/hyphenation.py and geometry.py, which the downloads use.

const WORD = "[\\p{L}\\p{N}_]";
const HYPHENATED = new RegExp(`(\\S*${WORD})[-\\u00ad\\u2010]$`, "u");
const FIRST_WORD = new RegExp(`^${WORD}+`, "u");
const HYPHENATED_WORD = new RegExp(`${WORD}+(?:[-\\u2010]${WORD}+)+`, "gu");
const NO_SPACES = /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]/;
const CONJUNCTIONS = new Set(["and", "or", "nor", "und", "oder", "bis", "sowie", "og", "och"]);
const PREFIXES = new Set(["self", "well"]);
const LINK_WORDS = new Set(["in", "of", "to", "the", "and", "by", "up", "on", "at", "off", "out", "de", "la", "le"]);

/** Return the words of a text that have a hyphen within a line. @param {string} text @returns {Set<string>} */
export function hyphenatedWords(text) {
  return new Set((text.match(HYPHENATED_WORD) ?? []).map((word) => word.toLowerCase()));
}

/**
 * Return each line as it is written in flowing text: without a hyphen that cuts a word, and with the space after it.
 * @param {string[]} lines @param {Set<string>} known words that are written with a hyphen @returns {string[]}
 */
export function flow(lines, known) {
  let whole = "";
  return lines.map((line, index) => {
    const next = lines[index + 1];
    whole = `${whole}${line}`;
    if (next === undefined) return line;
    const replacement = hyphenReplacement(whole, next, known);
    const ending = replacement !== null ? replacement : NO_SPACES.test(line.slice(-1)) && NO_SPACES.test(next.slice(0, 1)) ? "" : " ";
    const kept = replacement === null ? line : line.slice(0, -1);
    whole = whole.slice(0, whole.length - line.length) + kept + ending;
    return kept + ending;
  });
}

/** Return the replacement of a hyphen at the end: "" if it cuts a word, "-" if it joins two; null without one. @param {string} before @param {string} after @param {Set<string>} known */
function hyphenReplacement(before, after, known) {
  const cut = HYPHENATED.exec(before.slice(-200));
  const word = FIRST_WORD.exec(after)?.[0];
  if (!cut || !word || CONJUNCTIONS.has(word)) return null;
  const start = cut[1].replace(HYPHENATED_WORD, (found) => found.replaceAll("\u2010", "-"));
  const last = start.split(new RegExp(`[^\\p{L}\\p{N}_]`, "u")).pop() ?? "";
  if (known.has(`${last}-${word}`.toLowerCase()) || PREFIXES.has(last.toLowerCase())) return "-";
  if (start !== last && start.endsWith(`-${last}`) && LINK_WORDS.has(last)) return "-";
  if (/^\p{Ll}/u.test(word)) return /\p{L}$/u.test(last) ? "" : "-";
  const capitals = (/** @type {string} */ text) => text.length > 1 && text === text.toUpperCase() && text !== text.toLowerCase();
  return capitals(last) && capitals(word) ? "" : "-";
}

/** Return the paragraphs of a page. In a record without paragraphs, all blocks form one. @param {any|null} page @returns {any[]} */
export function paragraphsOf(page) {
  const count = page?.blocks?.length ?? 0;
  if (page?.paragraphs?.length) return page.paragraphs;
  return count ? [{ kind: "text", level: 0, first: 0, last: count - 1, cells: null }] : [];
}

/** Return the text of each of these blocks as flowing text. @param {any} page @param {number[]} indices @param {Set<string>} known @returns {string[]} */
export function flowOf(page, indices, known) {
  return flow(indices.map((index) => page.blocks[index].text), known);
}

/** @param {any} paragraph @returns {number[]} the indices of its blocks */
export function indicesOf({ first, last }) {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

/** @typedef {{row: number, column: number, row_span: number, col_span: number, header: boolean, blocks: number[]}} Cell */

/** Return the rows of a table, each with the cells that start in it. Earlier versions stored rows of block indices. @param {any[]} cells @returns {Cell[][]} */
export function tableRows(cells) {
  /** @type {Cell[]} */
  const records = Array.isArray(cells[0]) ? cells.flatMap((row, at) => row.map((/** @type {number|null} */ index, /** @type {number} */ column) => oldCell(at, column, index))) : cells;
  /** @type {Cell[][]} */
  const rows = [];
  for (const cell of records) {
    while (rows.length <= cell.row) rows.push([]);
    rows[cell.row].push(cell);
  }
  return rows;
}

/** @param {number} row @param {number} column @param {number|null} index @returns {Cell} */
function oldCell(row, column, index) {
  return { row, column, row_span: 1, col_span: 1, header: false, blocks: index === null ? [] : [index] };
}
