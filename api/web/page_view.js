// The open page: its image with the boxes of the lines, and its text.
import { problemOf, sendForJson } from "./api.js";
import { copy } from "./copy_text.js";
import { $, createElement, pause, pluralize, setText, showMessage } from "./dom.js";
import { sourceLabel } from "./labels.js";
import { explain, sentences } from "./messages.js";
import { pageContent, paragraphContent } from "./page_content.js";
import { PageImage } from "./page_image.js";
import { TextView } from "./text_view.js";
import { setPageSize, setRotation } from "./zoom.js";

const DELAY_MS = 120; // pages that the user only passes while scrolling through are not fetched
const RETRY_MS = 2_000;
const COPIED_MS = 2_500;
const AS_LINES = "slimgest.lines";

/** @typedef {import("./job.js").Job} Job */

export class PageView {
  /** @param {(job: Job, number: number) => void} retry called to read a page again @param {() => void} onText called when the text of a page is shown */
  constructor(retry, onText) {
    this.retry = retry;
    this.onText = onText;
    this.image = new PageImage();
    this.text = new TextView($("lines"), $("boxes"), $("sheet-scroll"), $("copy-part"));
    this.abortController = new AbortController();
    this.shownKey = ""; // identifies the shown page and its state
    /** @type {any} the record of the shown page */
    this.record = null;
    /** @type {Map<HTMLElement, ReturnType<typeof setTimeout>>} they give buttons their labels back */
    this.timers = new Map();
    /** A line to go to when its page is shown. @type {{number: number, index: number}|null} */
    this.later = null;
    $("show-boxes").addEventListener("change", () => $("boxes").toggleAttribute("data-off", !$("show-boxes").checked));
    $("copy").addEventListener("click", () => this.record && this.#copy($("copy"), pageContent(this.record)));
    $("copy-part").addEventListener("click", (/** @type {Event} */ event) => {
      event.stopPropagation();
      this.copyParagraph();
    });
    $("as-lines").checked = this.text.asLines = localStorage.getItem(AS_LINES) === "true";
    $("as-lines").addEventListener("change", () => this.#applyAsLines());
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

  /** Go to a line when the text of its page is shown. @param {number} number @param {number} index of the block */
  focusLater(number, index) {
    this.later = { number, index };
  }

  /** Show the lines as they are printed, or paragraphs again. */
  toggleLines() {
    $("as-lines").checked = !$("as-lines").checked;
    this.#applyAsLines();
  }

  /** Copy the paragraph or table under the pointer or with the highlighted line. */
  copyParagraph() {
    const paragraph = this.text.activeParagraph();
    if (paragraph) this.#copy(this.text.copyButton, paragraphContent(this.record, paragraph));
  }

  #applyAsLines() {
    localStorage.setItem(AS_LINES, String($("as-lines").checked));
    this.text.setAsLines($("as-lines").checked);
    this.onText();
  }

  #clear() {
    this.image.clear();
    this.#showText(null);
  }

  /** @param {Job} job @param {number} number @param {string} state @param {boolean} samePage */
  async #load(job, number, state, samePage) {
    const signal = this.abortController.signal;
    await pause(samePage ? 0 : DELAY_MS, signal);
    if (signal.aborted) return;
    this.image.show(job, number, signal);
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

  /** @param {any|null} page */
  #showText(page) {
    this.record = page;
    this.text.show(page);
    showMessage($("page-source"), page ? sourceLabel(page) : "");
    this.#showWarnings(page?.warnings ?? []);
    $("copy").hidden = !page?.text;
    $("legend").hidden = !page?.blocks.length;
    if (page && !page.blocks.length) this.#showPlaceholder("This page contains no text.");
    if (page) this.#setShape(page);
    if (page && this.later?.number === page.page_number) this.text.focus(this.later.index);
    if (page) this.later = null;
    this.onText();
  }

  /** @param {{code: string, message: string, hint: string|null}[]} warnings */
  #showWarnings(warnings) {
    $("page-warnings").hidden = !warnings.length;
    $("page-warnings").replaceChildren(...warnings.map((warning) => createElement("li", { title: warning.code }, sentences(warning))));
  }

  /** Turn the page upright, and give the sheet its shape before the image has loaded. @param {any} page */
  #setShape({ width, height, turned }) {
    if (!this.image.dpi && width) {
      const [across, down] = turned % 180 ? [height, width] : [width, height];
      setPageSize(across, down, 150);
    }
    setRotation(turned);
  }

  /** @param {string} text */
  #showPlaceholder(text) {
    $("lines").replaceChildren(createElement("p", { className: "missing" }, text));
  }

  /** @param {Job} job @param {any} page */
  #showError(job, page) {
    this.#showText(null);
    const { message: text, hint } = explain(page.error);
    const message = createElement("div", { className: "page-failed" }, createElement("h4", {}, "This page could not be read"), createElement("p", {}, text));
    if (hint) message.append(createElement("p", {}, hint));
    message.append(createElement("p", { className: "muted small" }, `Error ${page.error.code} after ${pluralize(page.attempts, "attempt")}`));
    if (job.ended) {
      const button = createElement("button", { type: "button", className: "quiet", id: "retry-page" }, "Read this page again");
      button.addEventListener("click", () => this.retry(job, page.page_number));
      message.append(button);
    }
    $("lines").replaceChildren(message);
  }

  /** @param {HTMLElement} button @param {import("./copy_text.js").Copied} content */
  async #copy(button, content) {
    setText(button, (await copy(content)) ? "Copied" : "Not allowed by the browser");
    clearTimeout(this.timers.get(button)); // of an earlier copy
    this.timers.set(button, setTimeout(() => setText(button, "Copy"), COPIED_MS));
  }
}
