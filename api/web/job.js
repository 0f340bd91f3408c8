// One document as this page knows it: where it stands, and of each page its state and first words.

const ENDS = new Set(["completed", "partial", "failed", "cancelled"]);
const SNIPPET = 160; // characters; the whole text is fetched when a page is looked at

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
    this.ahead = 0; // pages of earlier jobs
    this.hasResult = false;
    /** @type {{code: string, message: string}|null} */
    this.error = null;
    this.live = true; // whether its stream is connected, where it has one
    this.told = false; // whether its stream has told everything to the end
    this.lastEvent = "";
    this.changedAt = 0; // when an event last said something, in ms of performance.now()
    /** @type {PageState[]} by page number */
    this.states = [];
    /** @type {string[]} */
    this.snippets = [];
    /** @type {string[]} */
    this.sources = [];
    /** @type {number[]} */
    this.arrived = []; // page numbers, ascending up to `sorted`
    this.unsorted = false;
    this.highest = 0;
  }

  get ended() {
    return ENDS.has(this.status);
  }

  /** @param {any} status what `GET /jobs/{id}` says @param {number} askedAt when it was asked, in ms of performance.now() */
  update(status, askedAt) {
    this.filename = status.filename;
    this.createdAt = status.created_at;
    this.ahead = status.pages_ahead;
    if (this.changedAt > askedAt) return; // an event knew better meanwhile
    if (this.ended && !ENDS.has(status.status)) this.told = false; // somebody had it read again
    this.status = status.status;
    this.completedAt = status.completed_at ?? "";
    this.total = status.total_pages ?? 0;
    this.done = status.pages_done;
    this.failed = status.pages_failed;
    this.hasResult = status.has_result;
    this.error = status.error;
  }

  /** @param {import("./stream.js").ServerEvent} event */
  apply({ id, type, data }) {
    this.lastEvent = id;
    this.changedAt = performance.now();
    if (type === "start") this.#start(data);
    else if (type === "page") this.#page(data);
    else this.#end(type, data);
  }

  /** @param {any} data */
  #start(data) {
    this.total = data.total_pages;
    if (!this.ended) this.status = "processing";
  }

  /** @param {any} data */
  #page(data) {
    const number = data.page_number;
    if (this.states[number] === undefined) {
      this.unsorted ||= number < this.highest;
      this.highest = Math.max(this.highest, number);
      this.arrived.push(number);
    }
    this.states[number] = data.status;
    this.sources[number] = data.source;
    this.snippets[number] = data.page_text.slice(0, SNIPPET).replace(/\s+/g, " ").trim();
    if (this.ended) return; // a story told again: how it ended is known
    this.total = data.total_pages;
    this.done = data.pages_done;
    this.failed = data.pages_failed;
  }

  /** @param {string} type @param {any} data */
  #end(type, data) {
    this.told = true;
    if (type === "complete") this.status = data.status;
    else this.status = data.code === "job.cancelled" ? "cancelled" : "failed";
    if (type === "error") this.error = data;
  }

  /** It is read again: what failed is waiting once more, and the end is taken back. */
  reopen() {
    this.status = "queued";
    this.changedAt = performance.now();
    this.error = null;
    this.told = false;
    this.completedAt = "";
    for (const number of this.arrived) if (this.states[number] === "failed") this.states[number] = "waiting";
  }

  /** How many rows a list of its pages has. */
  get rows() {
    return this.total || this.arrived.length;
  }

  /**
   * The page in a row. Rows are page numbers, unless only some of the PDF's pages are read: then those that have
   * arrived, in order, and after them rows whose number is not known yet (0).
   * @param {number} row from 0
   */
  pageAt(row) {
    if (this.highest <= this.total) return row + 1;
    return this.#sorted()[row] ?? 0;
  }

  /** @param {number} number @returns {number} -1 where there is none */
  rowOf(number) {
    if (this.highest <= this.total) return number <= this.total ? number - 1 : -1;
    return this.#sorted().indexOf(number);
  }

  /** @param {number} number @returns {PageState} */
  stateOf(number) {
    return this.states[number] ?? "waiting";
  }

  /** @param {number} after a page number @returns {number} the next failed page, from the first again; 0 for none */
  nextFailed(after) {
    const bad = this.#sorted().filter((number) => this.states[number] === "failed");
    return bad.find((number) => number > after) ?? bad[0] ?? 0;
  }

  #sorted() {
    if (this.unsorted) this.arrived.sort((one, other) => one - other);
    this.unsorted = false;
    return this.arrived;
  }
}
