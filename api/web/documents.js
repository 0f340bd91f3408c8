// The list of documents: first the uploads in progress, then the jobs of the service, newest first.
import { $, createElement, setAttribute, setText, showMessage } from "./dom.js";
import { progressOf, relativeTime, statusLabel } from "./labels.js";
import { createCheckbox, setUpSelection } from "./selection.js";
import { allJobs, cancel, filterList, hasOlder, showOlder, subscribe } from "./store.js";
import { createUploadRow, uploads } from "./upload.js";

/** @typedef {{row: HTMLElement, update: () => void}} Row */

/** @type {Map<object, Row>} */
const rows = new Map();

/** The filters of the list, by their value in index.html. @type {Record<string, (job: import("./job.js").Job) => boolean>} */
const FILTERS = {
  all: () => true,
  running: (job) => !job.ended,
  failed: (job) => job.status === "failed" || job.failed > 0,
  warnings: (job) => job.warned > 0,
};

/** The states that the service lists for a filter. It lists all jobs for the others. @type {Record<string, string>} */
const STATES = { running: "queued,processing", failed: "failed,partial" };

/** @param {() => string} getOpenId returns the id of the open document */
export function setUpDocuments(getOpenId) {
  $("older").addEventListener("click", showOlder);
  for (const field of [$("filter"), $("filter-name")]) {
    field.addEventListener("input", () => {
      filterList(STATES[$("filter").value] ?? "", $("filter-name").value.trim());
      render(getOpenId());
    });
  }
  setUpSelection(filteredJobs);
  subscribe(() => render(getOpenId()));
}

/** @returns {import("./job.js").Job[]} the jobs that the list shows */
function filteredJobs() {
  const name = $("filter-name").value.trim().toLowerCase();
  return allJobs().filter((job) => FILTERS[$("filter").value](job) && job.filename.toLowerCase().includes(name));
}

/** @param {string} openId */
function render(openId) {
  const jobs = filteredJobs();
  const listed = [...uploads.map((upload) => getRow(upload, createUploadRow)), ...jobs.map((job) => getRow(job, createJobRow))];
  const current = new Set(listed);
  for (const [item, row] of rows) if (!current.has(row)) rows.delete(item) && row.row.remove();
  arrange($("documents"), listed.map(({ row }) => row));
  for (const row of listed) row.update();
  for (const link of $("documents").querySelectorAll("a")) setAttribute(link, "aria-current", link.hash === `#${openId}` ? "true" : null);
  const known = allJobs().length + uploads.length;
  $("documents-none").hidden = known > 0;
  $("filters").hidden = known === 0;
  showMessage($("filtered-none"), known && !listed.length ? "No document matches the filter." : "");
  $("older").hidden = !hasOlder();
}

/** @template T @param {T & object} item @param {(item: T) => Row} create @returns {Row} */
function getRow(item, create) {
  const row = rows.get(item) ?? create(item);
  rows.set(item, row);
  return row;
}

/** Put the elements in this order. Move only the elements that are not in their place. @param {HTMLElement} list @param {HTMLElement[]} elements */
function arrange(list, elements) {
  elements.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}

/** @param {import("./job.js").Job} job @returns {Row} */
function createJobRow(job) {
  const name = createElement("span", { className: "name" });
  const status = createElement("span", { className: "state" });
  const time = createElement("time", { className: "when" });
  const progress = createElement("progress", { max: 1 });
  const body = createElement("a", { className: "document-body", href: `#${job.id}` }, name, status, time, progress);
  const cancelButton = createElement("button", { type: "button", className: "quiet icon" }, "×");
  const checkbox = createCheckbox(job);
  const row = createElement("li", { className: "document" }, checkbox, body, cancelButton);
  cancelButton.addEventListener("click", () => cancel(job).catch((/** @type {Error} */ error) => showMessage($("offline"), error.message)));
  return {
    row,
    update() {
      setText(name, job.filename);
      setText(status, statusLabel(job));
      setText(time, relativeTime(job.createdAt));
      setAttribute(progress, "aria-label", `Pages read of ${job.filename}`);
      setAttribute(cancelButton, "aria-label", `Cancel ${job.filename}`);
      setAttribute(checkbox, "aria-label", `Select ${job.filename}`);
      if (progress.value !== progressOf(job)) progress.value = progressOf(job);
      progress.hidden = cancelButton.hidden = job.ended;
      row.dataset.status = job.status;
      row.dataset.job = job.id;
    },
  };
}
