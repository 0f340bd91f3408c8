// Sending PDFs: the drop zone, the options, and each file's way to the service, sent again where that may help.
import { announce } from "./announce.js";
import { expected, upload } from "./api.js";
import { $, make, note, pause, say } from "./dom.js";
import { added, touch } from "./store.js";

const AT_ONCE = 2;
const ATTEMPTS = 6; // of an upload that breaks off; a full queue is waited for as long as its owner likes
const LONGEST_WAIT_S = 10;

/** A file on its way. */
export class Upload {
  /** @param {File} file @param {Record<string, string>} options @param {(id: string) => unknown} accepted called with its job */
  constructor(file, options, accepted) {
    this.id = crypto.randomUUID?.() ?? String(Math.random()); // the former is for https and this machine only
    this.file = file;
    this.options = options;
    this.accepted = accepted;
    this.share = 0;
    this.said = "Waits to be sent";
    this.refused = false;
    this.control = new AbortController();
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

/** @param {(id: string) => void} accepted called with the first job that is made of files sent together */
export function setUpUpload(accepted) {
  const take = (/** @type {File[]} */ files) => send(files, accepted);
  $("files").addEventListener("change", (/** @type {any} */ event) => {
    take([...event.target.files]);
    event.target.value = "";
  });
  $("send").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  $("send").addEventListener("input", describeOptions);
  acceptDrops(take);
  addEventListener("beforeunload", (event) => uploads.some((one) => !one.refused) && event.preventDefault());
  describeOptions();
}

/** @param {(files: File[]) => void} take */
function acceptDrops(take) {
  const veil = $("drop-veil");
  let depth = 0; // dragenter and dragleave come for every element on the way
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => carriesFiles(event) && (veil.hidden = !++depth));
  addEventListener("dragleave", (event) => carriesFiles(event) && (veil.hidden = !(depth = Math.max(0, depth - 1))));
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    veil.hidden = !(depth = 0);
    take(await dropped(/** @type {DataTransfer} */ (event.dataTransfer)));
  });
}

/** The files of a drop; of folders, the PDFs in them. @param {DataTransfer} transfer @returns {Promise<File[]>} */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const found = await Promise.all(entries.map((entry) => (entry ? filesBelow(entry) : [])));
  return found.flat().filter((file) => file.name.toLowerCase().endsWith(".pdf"));
}

/** @param {any} entry @returns {Promise<File[]>} */
async function filesBelow(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const reader = entry.createReader();
  const found = [];
  while (true) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed)); // a hundred at most
    if (!some.length) return found;
    for (const below of some) found.push(...(await filesBelow(below)));
  }
}

/** @param {File[]} files @param {(id: string) => void} accepted */
function send(files, accepted) {
  if (!files.length || !optionsFit()) return;
  const options = chosen();
  const at = location.hash; // whoever has gone elsewhere meanwhile, or has the first of these open, stays there
  const open = (/** @type {string} */ id) => location.hash === at && accepted(id);
  for (const file of files) {
    const one = new Upload(file, options, open);
    one.control.signal.addEventListener("abort", () => drop(one));
    uploads.unshift(one);
    waiting.push(one);
  }
  announce(files.length === 1 ? `Sending ${files[0].name}` : `Sending ${files.length} files`);
  next();
}

function next() {
  touch();
  while (sending < AT_ONCE && waiting.length) {
    const one = /** @type {Upload} */ (waiting.shift());
    if (one.control.signal.aborted) continue;
    sending++;
    deliver(one).finally(() => (sending--, next()));
  }
}

/** @param {Upload} one */
async function deliver(one) {
  for (let attempt = 1; !one.control.signal.aborted; attempt++) {
    try {
      const job = await attemptAt(one);
      added(job.job_id, job.filename);
      drop(one);
      one.accepted(job.job_id);
      return;
    } catch (failure) {
      const problem = expected(failure);
      if (!problem) return;
      if (!problem.passing || (problem.status !== 429 && attempt === ATTEMPTS)) return refuse(one, problem);
      await waitAfter(one, problem, attempt);
    }
  }
}

/** @param {Upload} one */
function attemptAt(one) {
  const form = new FormData();
  for (const [name, value] of Object.entries(one.options)) form.set(name, value);
  form.set("file", one.file, one.file.name);
  const onSent = (/** @type {number} */ share) => {
    one.share = share;
    one.said = share < 1 ? `Sending, ${Math.floor(100 * share)} %` : "Is being stored";
    touch();
  };
  return upload(form, one.id, onSent, one.control.signal);
}

/** @param {Upload} one @param {import("./api.js").Problem} problem @param {number} attempt */
async function waitAfter(one, problem, attempt) {
  const seconds = problem.retryAfter || Math.min(2 ** (attempt - 1), LONGEST_WAIT_S);
  one.said = `${problem.message} Sent again in ${Math.ceil(seconds)} s.`;
  touch();
  await pause(1000 * seconds, one.control.signal);
}

/** @param {Upload} one @param {import("./api.js").Problem} problem */
function refuse(one, problem) {
  one.said = problem.message;
  one.refused = true;
  announce(`${one.filename}: ${problem.message}`);
  touch();
}

/** @param {Upload} one */
function resend(one) {
  one.refused = false;
  waiting.push(one);
  next();
}

/** @param {Upload} one */
function drop(one) {
  const index = uploads.indexOf(one);
  if (index >= 0) uploads.splice(index, 1);
  touch();
}

/** @returns {Record<string, string>} the options that say anything */
function chosen() {
  const fields = ["mode", "pages", "dpi", "password"].map((name) => [name, $(name).value.trim()]);
  return Object.fromEntries(fields.filter(([, value]) => value));
}

function describeOptions() {
  const { mode, pages, dpi, password } = chosen();
  const modes = /** @type {Record<string, string>} */ ({ auto: "automatic", ocr: "OCR", text: "own text" });
  const parts = [modes[mode], `${dpi || "?"} dpi`, pages ? `pages ${pages}` : "all pages", ...(password ? ["a password"] : [])];
  say($("options-said"), parts.join(", "));
  optionsFit();
}

/** Whether the options make sense; where not, says which does not. */
function optionsFit() {
  const { pages } = chosen();
  const odd = pages && !/^\s*[1-9]\d*(\s*-\s*\d*)?(\s*,\s*[1-9]\d*(\s*-\s*\d*)?)*\s*$/.test(pages);
  const wrong = odd
    ? "Pages are numbers and ranges, such as 1-3,7."
    : $("dpi").checkValidity()
      ? ""
      : "The resolution is a number from 36 to 600 dpi.";
  note($("options-wrong"), wrong);
  if (wrong) $("options-wrong").closest("details").open = true;
  $("pages").setAttribute("aria-invalid", String(Boolean(odd)));
  $("dpi").setAttribute("aria-invalid", String(!$("dpi").checkValidity()));
  return !wrong;
}

/** What an upload that was refused looks like in the list, and one on its way. @param {Upload} one */
export function uploadRow(one) {
  const progress = make("progress", { max: 1, "aria-label": `Sent of ${one.filename}` });
  const said = make("span", { className: "state" });
  const row = make("li", { className: "document upload" });
  const body = make("div", { className: "document-body" }, make("span", { className: "name" }, one.filename), said, progress);
  const again = make("button", { type: "button", className: "quiet" }, "Send again");
  const close = make("button", { type: "button", className: "quiet icon", "aria-label": `Do not send ${one.filename}` }, "×");
  again.addEventListener("click", () => resend(one));
  close.addEventListener("click", () => one.control.abort());
  body.append(again);
  row.append(body, close);
  return {
    row,
    update() {
      say(said, one.said);
      progress.value = one.share;
      progress.hidden = one.refused;
      again.hidden = !one.refused;
      row.dataset.status = one.refused ? "failed" : "queued";
    },
  };
}
