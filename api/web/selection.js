// Several documents at once: select them in the list, then download, delete, or read their failed pages again.
import { problemOf } from "./api.js";
import { $, createElement, pluralize, setText, showMessage } from "./dom.js";
import { saveResult } from "./download.js";
import { deleteJob, getJob, retry, subscribe } from "./store.js";

const MAX_PER_ZIP = 80; // same as in jobs/result_archive.py

/** @typedef {import("./job.js").Job} Job */

/** @type {Set<string>} */
const selected = new Set();
/** @type {() => Job[]} the documents that the list shows */
let listed = () => [];

/** @param {() => Job[]} getListed returns the documents that the list shows */
export function setUpSelection(getListed) {
  listed = getListed;
  $("select-all").addEventListener("change", () => {
    for (const job of listed()) setSelected(job.id, $("select-all").checked);
    render();
  });
  $("selected-download").addEventListener("click", () => download($("selected-format").value));
  $("selected-retry").addEventListener("click", () => forEach(retriable(), (job) => retry(job), "read again"));
  $("selected-delete").addEventListener("click", deleteAll);
  $("selected-none").addEventListener("click", () => (selected.clear(), render()));
  subscribe(render);
}

/** Return the checkbox of a document in the list. @param {Job} job */
export function createCheckbox(job) {
  const box = createElement("input", { type: "checkbox", className: "select-one" });
  box.dataset.select = job.id;
  box.addEventListener("change", () => {
    setSelected(job.id, box.checked);
    render();
  });
  return box;
}

/** @param {string} id @param {boolean} isSelected */
function setSelected(id, isSelected) {
  if (isSelected) selected.add(id);
  else selected.delete(id);
}

/** @returns {Job[]} in the order of the list */
function selectedJobs() {
  const found = [...selected].map(getJob).filter((job) => job !== undefined);
  return /** @type {Job[]} */ (found).sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
}

/** @returns {Job[]} the selected documents with text */
function downloadable() {
  return selectedJobs().filter((job) => job.hasResult || (!job.ended && job.done > 0));
}

/** @returns {Job[]} */
function retriable() {
  return selectedJobs().filter((job) => job.ended && job.status !== "completed");
}

function render() {
  const shown = new Set(listed().map(({ id }) => id));
  for (const id of selected) if (!shown.has(id)) selected.delete(id);
  const count = selected.size;
  $("selection").hidden = !count;
  $("select-bar").hidden = !shown.size;
  setText($("selected-count"), `${count.toLocaleString("en")} selected`);
  $("select-all").checked = count > 0 && count === shown.size;
  $("select-all").indeterminate = count > 0 && count < shown.size;
  $("selected-download").disabled = !downloadable().length;
  $("selected-retry").hidden = !retriable().length;
  for (const box of document.querySelectorAll("[data-select]")) {
    const checkbox = /** @type {HTMLInputElement} */ (box);
    checkbox.checked = selected.has(checkbox.dataset.select ?? "");
  }
}

/** @param {string} text */
function report(text) {
  showMessage($("selection-note"), text);
}

/** @param {string} format */
async function download(format) {
  const jobs = downloadable();
  for (let start = 0; start < jobs.length; start += MAX_PER_ZIP) {
    const part = jobs.slice(start, start + MAX_PER_ZIP);
    report(`Preparing the download of ${pluralize(part.length, "document")} …`);
    const running = part.some((job) => !job.ended);
    const query = part.map(({ id }) => `job=${id}`).join("&");
    await saveResult(`results.zip?format=${format}${running ? "&partial=true" : ""}&${query}`, "documents.zip", report);
  }
}

async function deleteAll() {
  const jobs = selectedJobs();
  if (!confirm(`Delete ${pluralize(jobs.length, "document")} and the results from the service? This cannot be undone.`)) return;
  await forEach(jobs, deleteJob, "deleted");
  if (jobs.some(({ id }) => location.hash.startsWith(`#${id}`))) location.hash = "";
}

/** Do something with each document, one after the other, and report those for which it failed. @param {Job[]} jobs @param {(job: Job) => Promise<void>} act @param {string} done */
async function forEach(jobs, act, done) {
  const failures = [];
  for (const [index, job] of jobs.entries()) {
    report(`${index + 1} of ${pluralize(jobs.length, "document")} …`);
    try {
      await act(job);
      selected.delete(job.id);
    } catch (error) {
      failures.push(`${job.filename}: ${problemOf(error)?.message ?? ""}`);
    }
  }
  report(failures.length ? `${pluralize(failures.length, "document")} could not be ${done}. ${failures[0]}` : "");
  render();
}
