// Downloads: fetch a result with the API key, wait while a worker makes it, then save it as a file.
import { problemOf, send } from "./api.js";
import { copy } from "./copy_text.js";
import { $, createElement, pause } from "./dom.js";
import { pageContent } from "./page_content.js";

/** @param {() => import("./job.js").Job|undefined} getOpenJob @param {(text: string) => void} report shows a message; an empty text hides it */
export function setUpDownloads(getOpenJob, report) {
  const menu = $("downloads");
  menu.addEventListener("click", (/** @type {any} */ event) => {
    const button = event.target.closest("button");
    const job = getOpenJob();
    if (!button || !job) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    if (button.id === "copy-document") copyDocument(job, report);
    else download(job, button.dataset.format, button.firstChild.textContent, report);
  });
  document.addEventListener("click", (event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  });
  menu.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

/** @param {import("./job.js").Job} job @param {string} format @param {string} name @param {(text: string) => void} report */
async function download(job, format, name, report) {
  report(`Preparing the download: ${name} of ${job.filename} …`);
  await saveResult(resultPath(job, format), `document.${format}`, report);
}

/**
 * Fetch a result, and save it as a file under the name that the service gives.
 * @param {string} path @param {string} name if the service gives none @param {(text: string) => void} report
 */
export async function saveResult(path, name, report) {
  try {
    save(await fetchResult(path, name));
    report("");
  } catch (error) {
    report(problemOf(error)?.sentences ?? "");
  }
}

/** Return the path of a document. While the job runs, it has the pages read so far. @param {import("./job.js").Job} job @param {string} format */
function resultPath(job, format) {
  return `jobs/${job.id}/result?format=${format}${job.ended ? "" : "&partial=true"}`;
}

/** @param {import("./job.js").Job} job @param {(text: string) => void} report */
async function copyDocument(job, report) {
  report(`Copying the text of ${job.filename} …`);
  try {
    const done = await copy(documentContent(job));
    report(done ? `The text of ${job.filename} is copied.` : "The browser did not allow to copy. Download the document as text instead.");
  } catch (error) {
    report(problemOf(error)?.sentences ?? "");
  }
}

/** @param {import("./job.js").Job} job @returns {Promise<import("./copy_text.js").Copied>} */
async function documentContent(job) {
  const response = await send(resultPath(job, "ndjson"));
  const pages = (await response.text()).split("\n").filter(Boolean).map((line) => pageContent(JSON.parse(line)));
  return { text: pages.map(({ text }) => text).join("\n\n"), html: pages.map(({ html }) => html).join("") };
}

/** @param {string} path @param {string} name @returns {Promise<{blob: Blob, filename: string}>} */
async function fetchResult(path, name) {
  /** @type {RequestInit} */
  let options = {};
  while (true) {
    try {
      const response = await send(path, /** @type {any} */ (options));
      if (response.status !== 202) return { blob: await response.blob(), filename: filenameOf(response) || name };
      options = {}; // the service has accepted the password
      await pause(1000 * (Number(response.headers.get("Retry-After")) || 1));
    } catch (error) {
      const problem = problemOf(error);
      if (!path.startsWith("jobs/") || !problem || !/^pdf\.(encrypted|wrong_password)$/.test(problem.code)) throw error;
      const body = new FormData();
      body.set("password", await askForPassword(problem.message));
      options = { method: "POST", body };
    }
  }
}

/** Return the file name in a response's headers. @param {Response} response */
function filenameOf(response) {
  const header = response.headers.get("Content-Disposition") ?? "";
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(header);
  return encoded ? decodeURIComponent(encoded[1]) : (/filename="?([^";]+)"?/i.exec(header)?.[1] ?? "");
}

/** @param {{blob: Blob, filename: string}} file */
function save({ blob, filename }) {
  const url = URL.createObjectURL(blob);
  createElement("a", { href: url, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {string} message @returns {Promise<string>} @throws {DOMException} if the user closes the dialog */
function askForPassword(message) {
  const dialog = $("password-dialog");
  $("password-title").textContent = message;
  $("again-password").value = "";
  dialog.showModal();
  return new Promise((resolve, reject) => {
    $("password-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      resolve($("again-password").value);
      dialog.close();
    };
    $("password-close").onclick = () => dialog.close();
    dialog.addEventListener("close", () => reject(new DOMException("no password", "AbortError")), { once: true });
  });
}
