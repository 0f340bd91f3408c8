// Downloads: fetched with the key, waited for while a worker makes them, then handed to the browser.
import { call, expected } from "./api.js";
import { $, make, pause } from "./dom.js";

/** @param {() => import("./job.js").Job|undefined} openJob @param {(text: string) => void} tell what is going on */
export function setUpDownloads(openJob, tell) {
  const menu = $("downloads");
  menu.addEventListener("click", (/** @type {any} */ event) => {
    const button = event.target.closest("[data-format]");
    const job = openJob();
    if (!button || !job) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    download(job, button.dataset.format, button.firstChild.textContent, tell);
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

/** @param {import("./job.js").Job} job @param {string} format @param {string} name @param {(text: string) => void} tell */
async function download(job, format, name, tell) {
  tell(`${name} of ${job.filename} is being made …`);
  try {
    save(await fetched(job, format));
    tell("");
  } catch (failure) {
    tell(expected(failure)?.message ?? "");
  }
}

/** @param {import("./job.js").Job} job @param {string} format @returns {Promise<{blob: Blob, filename: string}>} */
async function fetched(job, format) {
  /** @type {RequestInit} */
  let how = {};
  while (true) {
    try {
      const answer = await call(`jobs/${job.id}/result?format=${format}`, /** @type {any} */ (how));
      if (answer.status !== 202) return { blob: await answer.blob(), filename: nameIn(answer) || `document.${format}` };
      how = {}; // the password was taken
      await pause(1000 * (Number(answer.headers.get("Retry-After")) || 1));
    } catch (failure) {
      const problem = expected(failure);
      if (!problem || !/^pdf\.(encrypted|wrong_password)$/.test(problem.code)) throw failure;
      const body = new FormData();
      body.set("password", await askForPassword(problem.message));
      how = { method: "POST", body };
    }
  }
}

/** The file name that an answer gives. @param {Response} answer */
function nameIn(answer) {
  const given = answer.headers.get("Content-Disposition") ?? "";
  const coded = /filename\*=UTF-8''([^;]+)/i.exec(given);
  return coded ? decodeURIComponent(coded[1]) : (/filename="?([^";]+)"?/i.exec(given)?.[1] ?? "");
}

/** @param {{blob: Blob, filename: string}} found */
function save({ blob, filename }) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {string} why @returns {Promise<string>} @throws {DOMException} where there is none to be had */
function askForPassword(why) {
  const dialog = $("password-dialog");
  $("password-title").textContent = why;
  $("again-password").value = "";
  dialog.showModal();
  return new Promise((done, failed) => {
    $("password-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      done($("again-password").value);
      dialog.close();
    };
    $("password-close").onclick = () => dialog.close();
    dialog.addEventListener("close", () => failed(new DOMException("no password", "AbortError")), { once: true });
  });
}
