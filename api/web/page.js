// One page: its picture with boxes over it, and its text beside it.
import { call, expected, json } from "./api.js";
import { $, make, note, pause, say } from "./dom.js";
import { Lines } from "./lines.js";
import { sourceOf } from "./words.js";

const SETTLE_MS = 120; // whoever runs through the pages asks for none of them
const AGAIN_MS = 2_000;

/** @typedef {import("./job.js").Job} Job */

export class PageView {
  /** @param {(job: Job, number: number) => void} retry has a page read again */
  constructor(retry) {
    this.retry = retry;
    this.lines = new Lines($("lines"), $("boxes"), $("sheet-scroll"));
    this.control = new AbortController();
    this.shown = ""; // which page in which state
    this.url = "";
    this.text = "";
    /** @type {() => void} fetches the picture again */
    this.redraw = () => {};
    $("enlarge").addEventListener("change", () => {
      $("sheet").classList.toggle("large", $("enlarge").checked);
      this.redraw();
    });
    $("show-boxes").addEventListener("change", () => $("boxes").toggleAttribute("data-off", !$("show-boxes").checked));
    $("copy").addEventListener("click", () => this.#copy());
  }

  /** @param {Job} job @param {number} number */
  show(job, number) {
    const state = job.stateOf(number);
    const shown = [job.id, number, state, state === "ok" ? "" : job.told].join(" ");
    if (shown === this.shown) return;
    const samePage = this.shown.startsWith(`${job.id} ${number} `);
    this.shown = shown;
    this.control.abort();
    this.control = new AbortController();
    if (!samePage) this.#clear();
    this.#load(job, number, state, samePage);
  }

  #clear() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
    $("page-image").hidden = true;
    note($("image-said"));
    this.#text(null);
  }

  /** @param {Job} job @param {number} number @param {string} state @param {boolean} samePage */
  async #load(job, number, state, samePage) {
    const signal = this.control.signal;
    await pause(samePage ? 0 : SETTLE_MS, signal);
    if (signal.aborted) return;
    this.redraw = () => this.#picture(job, number, signal);
    if (!this.url) this.redraw();
    if (state === "waiting") return this.#missing(job.told ? "This page was not read." : "This page has not been read yet.");
    while (!signal.aborted) {
      try {
        const page = await json(`jobs/${job.id}/pages/${number}`, { signal });
        return page.status === "ok" ? this.#text(page) : this.#failed(job, page);
      } catch (failure) {
        const problem = expected(failure);
        if (!problem) return;
        this.#missing(problem.message);
        if (!problem.passing) return;
      }
      await pause(AGAIN_MS, signal);
    }
  }

  /** @param {Job} job @param {number} number @param {AbortSignal} signal */
  async #picture(job, number, signal) {
    const dpi = (devicePixelRatio > 1.4 ? 150 : 100) * ($("enlarge").checked ? 2 : 1);
    while (!signal.aborted) {
      try {
        const answer = await call(`jobs/${job.id}/pages/${number}/image?dpi=${dpi}&format=webp`, { signal, headers: { Accept: "image/webp" } });
        return this.#pictured(await answer.blob(), number, signal);
      } catch (failure) {
        const problem = expected(failure);
        if (!problem) return;
        note($("image-said"), problem.message);
        if (!problem.passing) return;
      }
      await pause(AGAIN_MS, signal);
    }
  }

  /** @param {Blob} blob @param {number} number @param {AbortSignal} signal */
  async #pictured(blob, number, signal) {
    const image = $("page-image");
    const url = URL.createObjectURL(blob);
    if (signal.aborted) return URL.revokeObjectURL(url);
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = url;
    image.src = url;
    await image.decode().catch(() => {});
    if (this.url !== url) return;
    image.alt = `Page ${number}`;
    image.hidden = false;
    note($("image-said"));
    if (image.naturalWidth) $("sheet").style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`;
  }

  /** @param {any|null} page */
  #text(page) {
    this.text = page?.text ?? "";
    this.lines.show(page);
    note($("page-source"), page ? sourceOf(page) : "");
    $("copy").hidden = !this.text || !navigator.clipboard;
    $("legend").hidden = !page?.blocks.length;
    if (page && !page.blocks.length) this.#missing("There is no text on this page.");
    if (page?.width && !this.url) this.#shape(page);
  }

  /** The sheet has the page's shape before its picture is there. @param {any} page */
  #shape({ width, height, turned }) {
    $("sheet").style.aspectRatio = turned % 180 ? `${height} / ${width}` : `${width} / ${height}`;
  }

  /** @param {string} why */
  #missing(why) {
    $("lines").replaceChildren(make("p", { className: "missing" }, why));
  }

  /** @param {Job} job @param {any} page */
  #failed(job, page) {
    this.#text(null);
    const said = make("div", { className: "page-failed" }, make("h4", {}, "This page could not be read"), make("p", {}, page.error.message));
    said.append(make("p", { className: "muted small" }, `${page.error.code}, tried ${page.attempts === 1 ? "once" : `${page.attempts} times`}`));
    if (job.ended) {
      const again = make("button", { type: "button", className: "quiet", id: "retry-page" }, "Read this page again");
      again.addEventListener("click", () => this.retry(job, page.page_number));
      said.append(again);
    }
    $("lines").replaceChildren(said);
  }

  async #copy() {
    await navigator.clipboard.writeText(this.text);
    say($("copy"), "Copied");
    await pause(1_500);
    say($("copy"), "Copy");
  }
}
