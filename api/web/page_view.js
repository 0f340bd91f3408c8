// The open page: its image with the boxes of the lines, and its text.
import { problemOf, send, sendForJson } from "./api.js";
import { $, createElement, pause, pluralize, setText, showMessage } from "./dom.js";
import { sourceLabel } from "./labels.js";
import { LineView } from "./lines.js";

const DELAY_MS = 120; // pages that the user only passes while scrolling through are not fetched
const RETRY_MS = 2_000;

/** @typedef {import("./job.js").Job} Job */

export class PageView {
  /** @param {(job: Job, number: number) => void} retry called to read a page again */
  constructor(retry) {
    this.retry = retry;
    this.lines = new LineView($("lines"), $("boxes"), $("sheet-scroll"));
    this.abortController = new AbortController();
    this.shownKey = ""; // identifies the shown page and its state
    this.url = "";
    this.text = "";
    /** @type {() => void} fetches the page image again */
    this.reloadImage = () => {};
    $("enlarge").addEventListener("change", () => {
      $("sheet").classList.toggle("large", $("enlarge").checked);
      this.reloadImage();
    });
    $("show-boxes").addEventListener("change", () => $("boxes").toggleAttribute("data-off", !$("show-boxes").checked));
    $("copy").addEventListener("click", () => this.#copy());
  }

  /** @param {Job} job @param {number} number */
  show(job, number) {
    const state = job.stateOf(number);
    const key = [job.id, number, state, state === "ok" ? "" : job.streamEnded].join(" ");
    if (key === this.shownKey) return;
    const samePage = this.shownKey.startsWith(`${job.id} ${number} `);
    this.shownKey = key;
    this.abortController.abort();
    this.abortController = new AbortController();
    if (!samePage) this.#clear();
    this.#load(job, number, state, samePage);
  }

  #clear() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
    $("page-image").hidden = true;
    showMessage($("image-text"));
    this.#showText(null);
  }

  /** @param {Job} job @param {number} number @param {string} state @param {boolean} samePage */
  async #load(job, number, state, samePage) {
    const signal = this.abortController.signal;
    await pause(samePage ? 0 : DELAY_MS, signal);
    if (signal.aborted) return;
    this.reloadImage = () => this.#loadImage(job, number, signal);
    if (!this.url) this.reloadImage();
    if (state === "waiting") return this.#showPlaceholder(job.streamEnded ? "This page was not read." : "This page has not been read yet.");
    while (!signal.aborted) {
      try {
        const page = await sendForJson(`jobs/${job.id}/pages/${number}`, { signal });
        return page.status === "ok" ? this.#showText(page) : this.#showError(job, page);
      } catch (error) {
        const problem = problemOf(error);
        if (!problem) return;
        this.#showPlaceholder(problem.message);
        if (!problem.temporary) return;
      }
      await pause(RETRY_MS, signal);
    }
  }

  /** @param {Job} job @param {number} number @param {AbortSignal} signal */
  async #loadImage(job, number, signal) {
    const dpi = (devicePixelRatio > 1.4 ? 150 : 100) * ($("enlarge").checked ? 2 : 1);
    while (!signal.aborted) {
      try {
        const response = await send(`jobs/${job.id}/pages/${number}/image?dpi=${dpi}&format=webp`, { signal, headers: { Accept: "image/webp" } });
        return this.#showImage(await response.blob(), number, signal);
      } catch (error) {
        const problem = problemOf(error);
        if (!problem) return;
        showMessage($("image-text"), problem.message);
        if (!problem.temporary) return;
      }
      await pause(RETRY_MS, signal);
    }
  }

  /** @param {Blob} blob @param {number} number @param {AbortSignal} signal */
  async #showImage(blob, number, signal) {
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
    showMessage($("image-text"));
    if (image.naturalWidth) $("sheet").style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`;
  }

  /** @param {any|null} page */
  #showText(page) {
    this.text = page?.text ?? "";
    this.lines.show(page);
    showMessage($("page-source"), page ? sourceLabel(page) : "");
    this.#showWarnings(page?.warnings ?? []);
    $("copy").hidden = !this.text || !navigator.clipboard;
    $("legend").hidden = !page?.blocks.length;
    if (page && !page.blocks.length) this.#showPlaceholder("This page contains no text.");
    if (page?.width && !this.url) this.#setShape(page);
  }

  /** @param {{code: string, message: string, hint: string|null}[]} warnings */
  #showWarnings(warnings) {
    $("page-warnings").hidden = !warnings.length;
    $("page-warnings").replaceChildren(
      ...warnings.map(({ code, message, hint }) => createElement("li", { title: code }, [message, hint].filter(Boolean).join(" "))),
    );
  }

  /** Give the sheet the shape of the page before the image has loaded. @param {any} page */
  #setShape({ width, height, turned }) {
    $("sheet").style.aspectRatio = turned % 180 ? `${height} / ${width}` : `${width} / ${height}`;
  }

  /** @param {string} text */
  #showPlaceholder(text) {
    $("lines").replaceChildren(createElement("p", { className: "missing" }, text));
  }

  /** @param {Job} job @param {any} page */
  #showError(job, page) {
    this.#showText(null);
    const message = createElement("div", { className: "page-failed" }, createElement("h4", {}, "This page could not be read"), createElement("p", {}, page.error.message));
    if (page.error.hint) message.append(createElement("p", {}, page.error.hint));
    message.append(createElement("p", { className: "muted small" }, `Error ${page.error.code} after ${pluralize(page.attempts, "attempt")}`));
    if (job.ended) {
      const button = createElement("button", { type: "button", className: "quiet", id: "retry-page" }, "Read this page again");
      button.addEventListener("click", () => this.retry(job, page.page_number));
      message.append(button);
    }
    $("lines").replaceChildren(message);
  }

  async #copy() {
    await navigator.clipboard.writeText(this.text);
    setText($("copy"), "Copied");
    await pause(1_500);
    setText($("copy"), "Copy");
  }
}
