// The list of documents: those on their way here, then the service's, newest first.
import { $, attribute, make, note, say } from "./dom.js";
import { allJobs, cancel, hasOlder, showOlder, subscribe } from "./store.js";
import { uploadRow, uploads } from "./upload.js";
import { ago, shareOf, stateOf } from "./words.js";

/** @typedef {{row: HTMLElement, update: () => void}} Row */

/** @type {Map<object, Row>} */
const rows = new Map();

/** @param {() => string} openId the id of the document that is looked at */
export function setUpDocuments(openId) {
  $("older").addEventListener("click", showOlder);
  subscribe(() => render(openId()));
}

/** @param {string} openId */
function render(openId) {
  const jobs = allJobs();
  const wanted = [...uploads.map((one) => rowOf(one, uploadRow)), ...jobs.map((job) => rowOf(job, jobRow))];
  const kept = new Set(wanted);
  for (const [what, row] of rows) if (!kept.has(row)) rows.delete(what) && row.row.remove();
  place($("documents"), wanted.map(({ row }) => row));
  for (const row of wanted) row.update();
  for (const link of $("documents").querySelectorAll("a")) attribute(link, "aria-current", link.hash === `#${openId}` ? "true" : null);
  $("documents-none").hidden = wanted.length > 0;
  $("older").hidden = !hasOlder();
}

/** @template T @param {T & object} what @param {(what: T) => Row} build @returns {Row} */
function rowOf(what, build) {
  const row = rows.get(what) ?? build(what);
  rows.set(what, row);
  return row;
}

/** Puts the elements in this order, moving only those that stand elsewhere. @param {HTMLElement} list @param {HTMLElement[]} elements */
function place(list, elements) {
  elements.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}

/** @param {import("./job.js").Job} job @returns {Row} */
function jobRow(job) {
  const name = make("span", { className: "name" });
  const state = make("span", { className: "state" });
  const when = make("time", { className: "when" });
  const progress = make("progress", { max: 1 });
  const body = make("a", { className: "document-body", href: `#${job.id}` }, name, state, when, progress);
  const stop = make("button", { type: "button", className: "quiet icon" }, "×");
  const row = make("li", { className: "document" }, body, stop);
  stop.addEventListener("click", () => cancel(job).catch((/** @type {Error} */ failure) => note($("offline"), failure.message)));
  return {
    row,
    update() {
      say(name, job.filename);
      say(state, stateOf(job));
      say(when, ago(job.createdAt));
      attribute(progress, "aria-label", `Pages read of ${job.filename}`);
      attribute(stop, "aria-label", `Cancel ${job.filename}`);
      if (progress.value !== shareOf(job)) progress.value = shareOf(job);
      progress.hidden = stop.hidden = job.ended;
      row.dataset.status = job.status;
      row.dataset.job = job.id;
    },
  };
}
