// The image of the open page: fetched in the resolution that it is shown in, and drawn by a worker at the first request.
import { problemOf, send } from "./api.js";
import { $, pause, showMessage } from "./dom.js";
import { neededDpi, setPageSize, setUpZoom } from "./zoom.js";

const DPI_STEPS = [100, 150, 200, 300]; // the service rounds up to these
const RETRY_MS = 2_000;
const SETTLED_MS = 300; // a window that is being resized needs no images of each size

/** @typedef {import("./job.js").Job} Job */

export class PageImage {
  constructor() {
    this.url = "";
    this.dpi = 0; // of the shown image; 0 for none
    /** @type {{job: Job, number: number, signal: AbortSignal}|null} */
    this.open = null;
    this.sharpening = new AbortController();
    setUpZoom(() => this.#sharpenSoon());
    new ResizeObserver(() => this.#sharpenSoon()).observe($("sheet-scroll"));
  }

  clear() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
    this.dpi = 0;
    this.open = null;
    $("page-image").hidden = true;
    showMessage($("image-text"));
  }

  /** True while the first image of the page has not arrived: then thumbnails wait. */
  get pending() {
    return this.open !== null && !this.dpi && $("image-text").hidden;
  }

  /** @param {Job} job @param {number} number @param {AbortSignal} signal ends with the page */
  show(job, number, signal) {
    this.open = { job, number, signal };
    if (!this.dpi) this.#load(stepFor(neededDpi()), signal);
  }

  async #sharpenSoon() {
    this.sharpening.abort();
    this.sharpening = new AbortController();
    const { signal } = this.sharpening;
    await pause(SETTLED_MS, signal);
    if (signal.aborted || !this.open || !this.dpi || this.open.signal.aborted) return;
    const dpi = stepFor(neededDpi());
    if (dpi > this.dpi) this.#load(dpi, this.open.signal);
  }

  /** @param {number} dpi @param {AbortSignal} signal */
  async #load(dpi, signal) {
    if (!this.open) return;
    const { job, number } = this.open;
    while (!signal.aborted) {
      try {
        const response = await send(`jobs/${job.id}/pages/${number}/image?dpi=${dpi}&format=webp`, { signal, headers: { Accept: "image/webp" } });
        return await this.#show(await response.blob(), number, dpi, signal);
      } catch (error) {
        const problem = problemOf(error);
        if (!problem) return;
        if (!this.dpi) showMessage($("image-text"), problem.message);
        if (!problem.temporary) return;
        await pause(1000 * problem.retryAfter || RETRY_MS, signal);
      }
    }
  }

  /** @param {Blob} blob @param {number} number @param {number} dpi @param {AbortSignal} signal */
  async #show(blob, number, dpi, signal) {
    const image = $("page-image");
    const url = URL.createObjectURL(blob);
    if (signal.aborted || dpi <= this.dpi) return URL.revokeObjectURL(url);
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = url;
    image.src = url;
    await image.decode().catch(() => {});
    if (this.url !== url) return;
    this.dpi = dpi;
    image.alt = `Page ${number}`;
    image.hidden = false;
    showMessage($("image-text"));
    setPageSize(image.naturalWidth, image.naturalHeight, dpi);
    this.#sharpenSoon(); // now the size of the page is known
  }
}

/** @param {number} dpi */
function stepFor(dpi) {
  return DPI_STEPS.find((step) => 1.15 * step >= dpi) ?? 300;
}
