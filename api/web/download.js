// Downloads: fetch a result with the API key, wait while a worker makes it, then save it as a file.
import { problemOf, send } from "./api.js";
import { $, createElement, pause } from "./dom.js";

/** @param {() => import("./job.js").Job|undefined} getOpenJob @param {(text: string) => void} report shows a message; an empty text hides it */
export function setUpDownloads(getOpenJob, report) {
  const menu = $("downloads");
  menu.addEventListener("click", (/** @type {any} */ event) => {
    const button = event.target.closest("[data-format]");
    const job = getOpenJob();
    if (!button || !job) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    download(job, button.dataset.format, button.firstChild.textContent, report);
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
  try {
    save(await fetchResult(job, format));
    report("");
  } catch (error) {
    report(problemOf(error)?.message ?? "");
  }
}

/** @param {import("./job.js").Job} job @param {string} format @returns {Promise<{blob: Blob, filename: string}>} */
async function fetchResult(job, format) {
  /** @type {RequestInit} */
  let options = {};
  while (true) {
    try {
      const response = await send(`jobs/${job.id}/result?format=${format}`, /** @type {any} */ (options));
      if (response.status !== 202) return { blob: await response.blob(), filename: filenameOf(response) || `document.${format}` };
      options = {}; // the service has accepted the password
      await pause(1000 * (Number(response.headers.get("Retry-After")) || 1));
    } catch (error) {
      const problem = problemOf(error);
      if (!problem || !/^pdf\.(encrypted|wrong_password)$/.test(problem.code)) throw error;
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
