// The way from one uncertain line to the next, over all pages of the open document.
import { problemOf, sendForJson } from "./api.js";

const SURE = 0.85; // same as in labels.js
let searching = new AbortController();

/**
 * Go to the next line with a low confidence: on the open page, or on a later one, which is then opened.
 * @param {import("./page_view.js").PageView} view @param {import("./job.js").Job} job @param {number} page the open page
 * @param {(number: number) => void} openPage @param {(text: string) => void} report
 */
export async function goToNextUncertainLine(view, job, page, openPage, report) {
  searching.abort();
  searching = new AbortController();
  const { signal } = searching;
  const here = view.record?.page_number === page ? view.text.nextBelow(view.text.active, SURE) : -1;
  if (here >= 0) return view.text.focus(here);
  const pages = job.readPages().filter((number) => number > page && job.sources[number] === "ocr"); // a text layer is certain
  for (const number of pages) {
    report(`Looking for an uncertain line on page ${number.toLocaleString("en")} …`);
    const index = await firstUncertain(job, number, signal);
    if (signal.aborted) return;
    if (index < 0) continue;
    report("");
    view.focusLater(number, index);
    return openPage(number);
  }
  report("There is no other uncertain line after this one.");
}

/** End a search that runs: the user has gone elsewhere. */
export function stopLooking() {
  searching.abort();
}

/** @param {import("./job.js").Job} job @param {number} number @param {AbortSignal} signal @returns {Promise<number>} -1 for none */
async function firstUncertain(job, number, signal) {
  try {
    const { blocks } = await sendForJson(`jobs/${job.id}/pages/${number}`, { signal });
    return blocks.findIndex((/** @type {any} */ block) => block.confidence < SURE);
  } catch (error) {
    problemOf(error);
    return -1;
  }
}
