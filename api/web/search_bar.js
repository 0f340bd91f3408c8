// The search bar of the open document: what was found, from hit to hit, and the marks on the image and in the text.
import { partOfBox } from "./boxes.js";
import { countHits, hitsIn, snippetOf } from "./document_search.js";
import { $, pause, pluralize, setText } from "./dom.js";

const TYPING_MS = 150;
const ARRIVING_MS = 1_000; // between two searches while pages arrive

/** @typedef {import("./job.js").Job} Job */

export class SearchBar {
  /**
   * @param {import("./page_list.js").PageList} list
   * @param {import("./page_view.js").PageView} view
   * @param {(number: number) => void} openPage
   */
  constructor(list, view, openPage) {
    this.list = list;
    this.view = view;
    this.openPage = openPage;
    /** @type {Job|null} */
    this.job = null;
    this.page = 0; // the open page
    this.read = 0; // pages that were read at the last search
    this.pending = false; // the last search has not ended
    /** @type {import("./document_search.js").Place[][]} the hits on the open page */
    this.hits = [];
    this.markedPage = 0; // the page of these hits
    this.marked = ""; // what was searched for
    /** @type {Map<number, number>} hits by page number */
    this.counts = new Map();
    this.current = -1; // the hit on the open page that the user has gone to; -1 for none
    /** What to go to when the page that is being opened has its text. @type {"first"|"last"|null} */
    this.target = null;
    this.searching = new AbortController();
    $("search-text").addEventListener("input", () => this.#searchSoon(TYPING_MS));
    $("search").addEventListener("submit", (/** @type {Event} */ event) => (event.preventDefault(), this.go(1)));
    $("search-text").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#onKeydown(event));
    $("search-next").addEventListener("click", () => this.go(1));
    $("search-previous").addEventListener("click", () => this.go(-1));
  }

  get query() {
    return $("search-text").value.trim();
  }

  /** Called when a document or page is shown, or its pages have changed. @param {Job} job @param {number} page */
  show(job, page) {
    this.page = page;
    if (job !== this.job) this.#open(job);
    else if (this.query && job.done !== this.read && !this.pending) this.#searchSoon(ARRIVING_MS);
  }

  /** @param {Job} job */
  #open(job) {
    this.job = job;
    this.counts = new Map();
    this.list.showFound(null);
    if (this.query) this.#searchSoon(0);
    this.#showCount();
  }

  /** Move the keyboard to the search bar. */
  focus() {
    $("search-text").focus();
    $("search-text").select();
  }

  /** Go to the next or previous hit, after the last one to the first. @param {1|-1} direction */
  async go(direction) {
    if (!this.job || !this.query) return this.focus();
    if (this.pending) await this.#search();
    const hits = this.hits.length;
    const next = this.current < 0 && direction < 0 ? hits - 1 : this.current + direction;
    if (hits && next >= 0 && next < hits) return this.#select(next);
    const pages = [...this.counts.keys()];
    if (!pages.length) return;
    const page = direction > 0 ? (pages.find((number) => number > this.page) ?? pages[0]) : (pages.findLast((number) => number < this.page) ?? pages[pages.length - 1]);
    if (page === this.page) return hits ? this.#select(direction > 0 ? 0 : hits - 1) : undefined;
    this.target = direction > 0 ? "first" : "last";
    this.current = -1;
    this.openPage(page);
  }

  /** Mark the hits on the open page. Call this when its text is shown. */
  mark() {
    const blocks = this.view.record?.blocks ?? [];
    this.hits = this.query ? hitsIn(blocks, this.query) : [];
    const page = this.view.record?.page_number ?? 0;
    if (page !== this.markedPage) this.current = -1;
    this.markedPage = page;
    if (this.current >= this.hits.length) this.current = -1;
    if (this.target && this.hits.length) return this.#select(this.target === "first" ? 0 : this.hits.length - 1);
    this.#draw();
  }

  /** @param {number} index of a hit on the open page */
  #select(index) {
    this.target = null;
    this.current = index;
    this.#draw();
    this.view.text.focus(this.hits[index]?.[0]?.block ?? 0);
  }

  /** @param {number} ms */
  async #searchSoon(ms) {
    this.searching.abort();
    this.searching = new AbortController();
    const { signal } = this.searching;
    this.pending = true;
    await pause(ms, signal);
    if (!signal.aborted) await this.#search();
  }

  async #search() {
    this.searching.abort();
    this.searching = new AbortController();
    const { signal } = this.searching;
    const { job, query } = this;
    if (!job) return;
    this.read = job.done;
    const counts = await countHits(job, query, signal);
    if (signal.aborted) return;
    this.pending = false;
    this.counts = counts;
    if (query !== this.marked) this.current = -1;
    this.marked = query;
    this.list.showFound(query && counts.size ? { numbers: [...counts.keys()], counts, snippet: (number) => snippetOf(job, number, query) } : null);
    this.mark();
  }

  #draw() {
    const blocks = this.view.record?.blocks ?? [];
    const places = this.hits.map((hit, index) => hit.map((place) => ({ ...place, current: index === this.current }))).flat();
    this.view.text.boxes.showHits(places.map(({ block, from, to, current }) => ({ box: partOfBox(blocks[block], from, to), current })));
    highlight("hit", this.#ranges(places.filter(({ current }) => !current)));
    highlight("current-hit", this.#ranges(places.filter(({ current }) => current)));
    this.#showCount();
  }

  /** @param {import("./document_search.js").Place[]} places @returns {Range[]} */
  #ranges(places) {
    return places.flatMap(({ block, from, to }) => {
      const node = this.view.text.textNode(block);
      if (!node) return [];
      const range = document.createRange();
      range.setStart(node, Math.min(from, node.length));
      range.setEnd(node, Math.min(to, node.length));
      return [range];
    });
  }

  #showCount() {
    const pages = this.counts.size;
    const total = [...this.counts.values()].reduce((sum, count) => sum + count, 0);
    const before = [...this.counts].reduce((sum, [number, count]) => (number < this.page ? sum + count : sum), 0);
    const text = !this.query ? "" : !total ? "Nothing found" : `${pluralize(total, "hit")} on ${pluralize(pages, "page")}`;
    setText($("search-count"), this.current >= 0 && total ? `${(before + this.current + 1).toLocaleString("en")} of ${text}` : text);
    $("search-next").disabled = $("search-previous").disabled = !total;
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.go(-1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      $("search-text").value = "";
      this.#searchSoon(0);
      $("lines").focus({ preventScroll: true });
    }
  }
}

/** Mark ranges of text without changing the elements. Old browsers mark only the image. @param {string} name @param {Range[]} ranges */
function highlight(name, ranges) {
  const registry = /** @type {any} */ (globalThis.CSS)?.highlights;
  const Highlight = /** @type {any} */ (globalThis).Highlight;
  if (!registry || !Highlight) return;
  if (ranges.length) registry.set(name, new Highlight(...ranges));
  else registry.delete(name);
}
