// The search within the open document: all hits, on which pages, and on the open page their places.
import { pause } from "./dom.js";
import { fold, placesOf } from "./fold_text.js";

const SLICE_MS = 12; // the work of one go, then the browser draws
const MAX_HITS = 100_000;
const CONTEXT = 60; // characters before a hit in the list of pages

/** @typedef {import("./job.js").Job} Job */
/** @typedef {{block: number, from: number, to: number}} Place letters of a block's text */

/** The folded texts of each job's pages: a page's text never changes, unless it is read again. @type {WeakMap<Job, Map<string, string>>} */
const folded = new WeakMap();

/** @param {Job} job @param {number} number */
function foldedText(job, number) {
  const texts = folded.get(job) ?? new Map();
  folded.set(job, texts);
  const text = job.texts[number] ?? "";
  let found = texts.get(text);
  if (found === undefined) texts.set(text, (found = fold(text)));
  return found;
}

/**
 * Count the hits of each page.
 * @param {Job} job @param {string} query @param {AbortSignal} signal
 * @returns {Promise<Map<number, number>>} by page number, ascending; pages without hits are missing
 */
export async function countHits(job, query, signal) {
  const wanted = fold(query);
  const counts = new Map();
  let total = 0;
  let startedMs = performance.now();
  for (const number of wanted.trim() ? job.readPages() : []) {
    const hits = placesOf(foldedText(job, number), wanted).length;
    if (hits) counts.set(number, hits);
    total += hits;
    if (total > MAX_HITS || signal.aborted) break;
    if (performance.now() - startedMs > SLICE_MS) {
      await pause(0);
      startedMs = performance.now();
    }
  }
  return counts;
}

/** Return the text around the first hit of a page. @param {Job} job @param {number} number @param {string} query */
export function snippetOf(job, number, query) {
  /** @type {number[]} */
  const offsets = [];
  const text = job.texts[number] ?? "";
  const at = fold(text, offsets).indexOf(fold(query));
  if (at < 0) return "";
  const start = Math.max(0, offsets[at] - CONTEXT / 3);
  return `${start ? "…" : ""}${text.slice(start, start + 3 * CONTEXT).replace(/\s+/g, " ").trim()}`;
}

/** Return the hits on a page, each as the letters of one block, or of several if it goes over lines. @param {any[]} blocks @param {string} query @returns {Place[][]} */
export function hitsIn(blocks, query) {
  /** @type {number[]} */
  const offsets = [];
  const wanted = fold(query);
  if (!wanted.trim()) return [];
  const starts = blockStarts(blocks);
  const text = fold(blocks.map(({ text: line }) => line).join("\n"), offsets);
  return placesOf(text, wanted).map((at) => placesBetween(blocks, starts, offsets[at], offsets[at + wanted.length - 1] + 1));
}

/** @param {any[]} blocks @returns {number[]} where each block starts in the text of the page */
function blockStarts(blocks) {
  let at = 0;
  return blocks.map(({ text }) => {
    const start = at;
    at += text.length + 1;
    return start;
  });
}

/** @param {any[]} blocks @param {number[]} starts @param {number} from @param {number} to @returns {Place[]} */
function placesBetween(blocks, starts, from, to) {
  const places = [];
  for (let block = blockAt(starts, from); block < blocks.length && starts[block] < to; block++) {
    const end = Math.min(to - starts[block], blocks[block].text.length);
    const begin = Math.max(0, from - starts[block]);
    if (end > begin) places.push({ block, from: begin, to: end });
  }
  return places;
}

/** Return the last block that starts at or before a place. @param {number[]} starts ascending @param {number} at */
function blockAt(starts, at) {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle] <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
