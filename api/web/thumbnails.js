// Small images of the pages that the page list shows. One is fetched at a time: a page that is opened does not wait.
import { problemOf, send } from "./api.js";
import { pause } from "./dom.js";

const DPI = 50; // the smallest images that the service draws, about 10 kB
const KEPT = 300; // in the memory of the browser
const QUIET_MS = 250; // rows that only pass while the user scrolls are not fetched
const RETRY_MS = 3_000;

/** @typedef {import("./job.js").Job} Job */

export class Thumbnails {
  /** @param {() => boolean} isBusy returns true while the open page waits for its image @param {() => void} onLoaded */
  constructor(isBusy, onLoaded) {
    this.isBusy = isBusy;
    this.onLoaded = onLoaded;
    /** @type {Map<string, string>} the URLs by job and page; empty for a page without an image. The oldest come first. */
    this.urls = new Map();
    /** @type {{job: Job, numbers: number[]}|null} */
    this.wanted = null;
    this.running = false;
  }

  /** Return the URL of an image that has been fetched. @param {Job} job @param {number} number @returns {string} empty for none */
  get(job, number) {
    return this.urls.get(`${job.id}/${number}`) ?? "";
  }

  /** Fetch the images of these pages, and no others. @param {Job} job @param {number[]} numbers */
  want(job, numbers) {
    this.wanted = { job, numbers };
    if (!this.running) this.#run();
  }

  async #run() {
    this.running = true;
    await pause(QUIET_MS);
    for (let next = this.#next(); next; next = this.#next()) {
      const waitMs = this.isBusy() || document.hidden ? QUIET_MS : await this.#fetch(next);
      if (waitMs) await pause(waitMs);
    }
    this.running = false;
  }

  #next() {
    if (!this.wanted) return null;
    const { job, numbers } = this.wanted;
    const number = numbers.find((one) => !this.urls.has(`${job.id}/${one}`));
    return number ? { job, number } : null;
  }

  /** @param {{job: Job, number: number}} page @returns {Promise<number>} how long to wait before the next request, in ms */
  async #fetch({ job, number }) {
    try {
      const response = await send(`jobs/${job.id}/pages/${number}/image?dpi=${DPI}&format=webp`, { headers: { Accept: "image/webp" } });
      this.#keep(`${job.id}/${number}`, URL.createObjectURL(await response.blob()));
      this.onLoaded();
      return 0;
    } catch (error) {
      const problem = problemOf(error);
      if (problem?.temporary) return 1000 * problem.retryAfter || RETRY_MS;
      this.#keep(`${job.id}/${number}`, "");
      return 0;
    }
  }

  /** @param {string} key @param {string} url */
  #keep(key, url) {
    this.urls.set(key, url);
    if (this.urls.size <= KEPT) return;
    const [oldest] = this.urls.keys();
    URL.revokeObjectURL(this.urls.get(oldest) ?? "");
    this.urls.delete(oldest);
  }
}
