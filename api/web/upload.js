// Uploads: the drop zone, the options, and the upload of each file, with retries after temporary failures.
import { announce } from "./announce.js";
import { problemOf, upload as sendUpload } from "./api.js";
import { $, createElement, pause, setText, showMessage } from "./dom.js";
import { addJob, notify } from "./store.js";

const PARALLEL_UPLOADS = 2;
const MAX_ATTEMPTS = 6; // for interrupted uploads; while the queue is full, retries continue until the user cancels
const LONGEST_WAIT_S = 10;
const READABLE = /\.(pdf|jpe?g|png|tiff?|webp|bmp|gif|jp2|j2k|heic|heif)$/i; // in dropped folders

/** A file that is being uploaded. */
export class Upload {
  /** @param {File} file @param {Record<string, string>} options @param {(id: string) => unknown} onAccepted called with the id of its job */
  constructor(file, options, onAccepted) {
    this.id = crypto.randomUUID?.() ?? String(Math.random()); // randomUUID exists only on https and localhost
    this.file = file;
    this.options = options;
    this.onAccepted = onAccepted;
    this.share = 0;
    this.message = "Waiting to be uploaded";
    this.failed = false;
    this.abortController = new AbortController();
  }

  get filename() {
    return this.file.name;
  }
}

/** @type {Upload[]} newest first */
export const uploads = [];
let sending = 0;
/** @type {Upload[]} */
const waiting = [];

/** @param {(id: string) => void} onAccepted called with the first job of the files that are sent together */
export function setUpUpload(onAccepted) {
  const addFiles = (/** @type {File[]} */ files) => addUploads(files, onAccepted);
  for (const input of [$("files"), $("camera")]) {
    input.addEventListener("change", (/** @type {any} */ event) => {
      addFiles([...event.target.files]);
      event.target.value = "";
    });
  }
  $("send").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  $("send").addEventListener("input", describeOptions);
  setUpDrop(addFiles);
  addEventListener("beforeunload", (event) => uploads.some((upload) => !upload.failed) && event.preventDefault());
  describeOptions();
}

/** @param {(files: File[]) => void} addFiles */
function setUpDrop(addFiles) {
  const overlay = $("drop-overlay");
  let depth = 0; // dragenter and dragleave events come for every element under the pointer
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => carriesFiles(event) && (overlay.hidden = !++depth));
  addEventListener("dragleave", (event) => carriesFiles(event) && (overlay.hidden = !(depth = Math.max(0, depth - 1))));
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    overlay.hidden = !(depth = 0);
    addFiles(await filesOf(/** @type {DataTransfer} */ (event.dataTransfer)));
  });
}

/** Return the dropped files; of dropped folders, the PDFs and images in them. @param {DataTransfer} transfer @returns {Promise<File[]>} */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const found = await Promise.all(entries.map((entry) => (entry ? filesInFolder(entry) : [])));
  return found.flat().filter((file) => READABLE.test(file.name));
}

/** @param {any} entry @returns {Promise<File[]>} */
async function filesInFolder(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  while (true) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 entries per call
    if (!some.length) return found;
    for (const below of some) found.push(...(await filesInFolder(below)));
  }
}

/** @param {File[]} files @param {(id: string) => void} onAccepted */
function addUploads(files, onAccepted) {
  if (!files.length || !validateOptions()) return;
  const options = selectedOptions();
  const hash = location.hash; // open the new document only if the user has not opened another one since
  const open = (/** @type {string} */ id) => location.hash === hash && onAccepted(id);
  for (const file of files) {
    const upload = new Upload(file, options, open);
    upload.abortController.signal.addEventListener("abort", () => removeUpload(upload));
    uploads.unshift(upload);
    waiting.push(upload);
  }
  announce(files.length === 1 ? `Uploading ${files[0].name}` : `Uploading ${files.length} files`);
  startNext();
}

function startNext() {
  notify();
  while (sending < PARALLEL_UPLOADS && waiting.length) {
    const upload = /** @type {Upload} */ (waiting.shift());
    if (upload.abortController.signal.aborted) continue;
    sending++;
    uploadWithRetries(upload).finally(() => (sending--, startNext()));
  }
}

/** @param {Upload} upload */
async function uploadWithRetries(upload) {
  for (let attempt = 1; !upload.abortController.signal.aborted; attempt++) {
    try {
      const job = await sendOnce(upload);
      addJob(job.job_id, job.filename);
      removeUpload(upload);
      upload.onAccepted(job.job_id);
      return;
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) return;
      if (!problem.temporary || (problem.status !== 429 && attempt === MAX_ATTEMPTS)) return fail(upload, problem);
      await waitBeforeRetry(upload, problem, attempt);
    }
  }
}

/** @param {Upload} upload */
function sendOnce(upload) {
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.options)) form.set(name, value);
  form.set("file", upload.file, upload.file.name);
  const onProgress = (/** @type {number} */ share) => {
    upload.share = share;
    upload.message = share < 1 ? `Uploading, ${Math.floor(100 * share)} %` : "Saving";
    notify();
  };
  return sendUpload(form, upload.id, onProgress, upload.abortController.signal);
}

/** @param {Upload} upload @param {import("./api.js").Problem} problem @param {number} attempt */
async function waitBeforeRetry(upload, problem, attempt) {
  const seconds = problem.retryAfter || Math.min(2 ** (attempt - 1), LONGEST_WAIT_S);
  upload.message = `${problem.message} Next attempt in ${Math.ceil(seconds)} s.`;
  notify();
  await pause(1000 * seconds, upload.abortController.signal);
}

/** @param {Upload} upload @param {import("./api.js").Problem} problem */
function fail(upload, problem) {
  upload.message = problem.sentences;
  upload.failed = true;
  announce(`${upload.filename}: ${problem.message}`);
  notify();
}

/** @param {Upload} upload */
function resend(upload) {
  upload.failed = false;
  waiting.push(upload);
  startNext();
}

/** @param {Upload} upload */
function removeUpload(upload) {
  const index = uploads.indexOf(upload);
  if (index >= 0) uploads.splice(index, 1);
  notify();
}

/** @returns {Record<string, string>} the options that are not empty */
function selectedOptions() {
  const fields = ["mode", "languages", "pages", "dpi", "password"].map((name) => [name, $(name).value.trim()]);
  return Object.fromEntries(fields.filter(([, value]) => value));
}

function describeOptions() {
  const { mode, languages, pages, dpi, password } = selectedOptions();
  const modes = /** @type {Record<string, string>} */ ({ auto: "automatic", ocr: "text recognition (OCR)", text: "text in the PDF only" });
  const parts = [modes[mode], ...(languages ? [`languages ${languages}`] : []), `${dpi || "?"} dpi`, pages ? `pages ${pages}` : "all pages", ...(password ? ["with password"] : [])];
  setText($("options-text"), parts.join(", "));
  validateOptions();
}

/** Return true if the options are valid. Otherwise show an error message. */
function validateOptions() {
  const { pages } = selectedOptions();
  const invalidPages = pages && !/^\s*[1-9]\d*(\s*-\s*\d*)?(\s*,\s*[1-9]\d*(\s*-\s*\d*)?)*\s*$/.test(pages);
  const error = invalidPages
    ? "Enter page numbers and ranges, for example 1-3,7."
    : $("dpi").checkValidity()
      ? ""
      : "Enter a resolution from 36 to 600 dpi.";
  showMessage($("options-wrong"), error);
  if (error) $("options-wrong").closest("details").open = true;
  $("pages").setAttribute("aria-invalid", String(Boolean(invalidPages)));
  $("dpi").setAttribute("aria-invalid", String(!$("dpi").checkValidity()));
  return !error;
}

/** Create the list row of an upload. @param {Upload} upload */
export function createUploadRow(upload) {
  const progress = createElement("progress", { max: 1, "aria-label": `Upload of ${upload.filename}` });
  const status = createElement("span", { className: "state" });
  const row = createElement("li", { className: "document upload" });
  const body = createElement("div", { className: "document-body" }, createElement("span", { className: "name" }, upload.filename), status, progress);
  const again = createElement("button", { type: "button", className: "quiet" }, "Upload again");
  const close = createElement("button", { type: "button", className: "quiet icon", "aria-label": `Cancel upload of ${upload.filename}` }, "×");
  again.addEventListener("click", () => resend(upload));
  close.addEventListener("click", () => upload.abortController.abort());
  body.append(again);
  row.append(body, close);
  return {
    row,
    update() {
      setText(status, upload.message);
      progress.value = upload.share;
      progress.hidden = upload.failed;
      again.hidden = !upload.failed;
      row.dataset.status = upload.failed ? "failed" : "queued";
    },
  };
}
