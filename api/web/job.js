// One document as the web page knows it: its status, and the state and text of each page.

const END_STATES = new Set(["completed", "partial", "failed", "cancelled"]);
const SNIPPET = 160; // characters that the list of pages shows

/** @typedef {"waiting"|"ok"|"failed"} PageState */

export class Job {
  /** @param {string} id @param {string} filename */
  constructor(id, filename) {
    this.id = id;
    this.filename = filename;
    this.status = "queued";
    this.createdAt = "";
    this.completedAt = "";
    this.total = 0; // pages to read; 0 while unknown
    this.done = 0;
    this.failed = 0;
    this.warned = 0; // pages with warnings
    this.pagesAhead = 0; // pages of earlier jobs
    this.hasResult = false;
    /** @type {{code: string, message: string, hint?: string|null}|null} */
    this.error = null;
    this.connected = true; // false while the job's event stream has lost its connection
    this.streamEnded = false; // true after the last event
    this.lastEvent = "";
    this.changedAt = 0; // time of the last event, in ms of performance.now()
    /** @type {PageState[]} by page number */
    this.states = [];
    /** @type {string[]} */
    this.snippets = [];
    /** @type {string[]} */
    this.sources = [];
    /** @type {string[]} the whole text of each page, for the search */
    this.texts = [];
    this.warnedPages = 0; // of the received pages
    /** @type {string[][]} the codes of the warnings */
    this.warnings = [];
    /** @type {number[]} */
    this.received = []; // page numbers, ascending unless `unsorted`
    this.unsorted = false;
    this.highest = 0;
  }

  get ended() {
    return END_STATES.has(this.status);
  }

  /** @param {any} status the response of `GET /jobs/{id}` @param {number} requestedAt the time of that request, in ms of performance.now() */
  update(status, requestedAt) {
    this.filename = status.filename;
    this.createdAt = status.created_at;
    this.pagesAhead = status.pages_ahead;
    if (this.changedAt > requestedAt) return; // an event has brought newer values since
    const retried = this.ended && !END_STATES.has(status.status);
    if (retried) this.streamEnded = false;
    if (END_STATES.has(status.status) || retried) this.done = 0; // only a retry makes the numbers lower
    this.status = status.status;
    this.completedAt = status.completed_at ?? "";
    this.total = status.total_pages ?? 0;
    this.#count(status.pages_done, status.pages_failed, status.pages_with_warnings);
    this.hasResult = status.has_result;
    this.error = status.error;
  }

  /** Keep the highest numbers: after a reload, the first events are older than the status. @param {number} done @param {number} failed @param {number} warned */
  #count(done, failed, warned) {
    if (done < this.done) return;
    this.done = done;
    this.failed = failed;
    this.warned = warned;
  }

  /** @param {import("./stream.js").ServerEvent} event */
  apply({ id, type, data }) {
    this.lastEvent = id;
    this.changedAt = performance.now();
    if (type === "start") this.#applyStart(data);
    else if (type === "page") this.#applyPage(data);
    else this.#applyEnd(type, data);
  }

  /** @param {any} data */
  #applyStart(data) {
    this.total = data.total_pages;
    if (!this.ended) this.status = "processing";
  }

  /** @param {any} data */
  #applyPage(data) {
    const number = data.page_number;
    if (this.states[number] === undefined) {
      this.unsorted ||= number < this.highest;
      this.highest = Math.max(this.highest, number);
      this.received.push(number);
    }
    this.warnedPages += Number((data.warnings ?? []).length > 0) - Number((this.warnings[number] ?? []).length > 0);
    this.states[number] = data.status;
    this.sources[number] = data.source;
    this.warnings[number] = data.warnings ?? [];
    this.texts[number] = data.page_text;
    this.snippets[number] = data.page_text.slice(0, SNIPPET).replace(/\s+/g, " ").trim();
    if (this.ended) return; // a replayed event: the final numbers are known
    this.total = data.total_pages;
    this.#count(data.pages_done, data.pages_failed, Math.max(this.warned, this.warnedPages));
  }

  /** @param {string} type @param {any} data */
  #applyEnd(type, data) {
    this.streamEnded = true;
    if (type === "complete") this.status = data.status;
    else this.status = data.code === "job.cancelled" ? "cancelled" : "failed";
    if (type === "error") this.error = data;
  }

  /** Reset the job for a retry: failed pages wait again, and the job has not ended. */
  reopen() {
    this.status = "queued";
    this.changedAt = performance.now();
    this.error = null;
    this.streamEnded = false;
    this.completedAt = "";
    this.done = 0; // the service sends how many pages are kept
    for (const number of this.received) if (this.states[number] === "failed") this.states[number] = "waiting";
  }

  /** The number of rows in the page list. */
  get rows() {
    return this.total || this.received.length;
  }

  /**
   * Return the page number of a row. If all pages of the PDF are read, rows follow the page numbers. If only some are
   * read, the first rows are the received pages in order, and the rows after them have no page number yet (0).
   * @param {number} row from 0
   */
  pageAt(row) {
    if (this.highest <= this.total) return row + 1;
    return this.#sortedPages()[row] ?? 0;
  }

  /** @param {number} number @returns {number} -1 if the page has no row */
  rowOf(number) {
    if (this.highest <= this.total) return number <= this.total ? number - 1 : -1;
    return this.#sortedPages().indexOf(number);
  }

  /** Return a page number that exists: a number beyond the end becomes the last page. @param {number} number */
  existingPage(number) {
    const last = this.highest > this.total ? this.highest : this.total;
    return last && number > last ? last : number;
  }

  /** @param {number} number @returns {PageState} */
  stateOf(number) {
    return this.states[number] ?? "waiting";
  }

  /** @param {number} after a page number @returns {number} the next failed page, after the last one again the first; 0 for none */
  nextFailed(after) {
    const failed = this.#sortedPages().filter((number) => this.states[number] === "failed");
    return failed.find((number) => number > after) ?? failed[0] ?? 0;
  }

  /** The numbers of the pages with text, ascending. */
  readPages() {
    return this.#sortedPages().filter((number) => this.states[number] === "ok");
  }

  #sortedPages() {
    if (this.unsorted) this.received.sort((one, other) => one - other);
    this.unsorted = false;
    return this.received;
  }
}
