// The API key: kept for this tab, or on this computer where its owner wants that; asked for when the service does.
import { $, note } from "./dom.js";

const NAME = "slimgest.key";

let declined = false; // whoever closed the dialog is not asked again and again

/** @returns {string|null} */
export function key() {
  return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);
}

/** The service has refused a request: shows the dialog. @param {string} why */
export function askForKey(why) {
  $("key-button").hidden = false;
  if (!declined && !$("key-dialog").open) open(why);
}

/** @param {() => void} changed called when another key, or none, is to be used */
export function setUpKey(changed) {
  const dialog = $("key-dialog");
  $("key-button").hidden = !key();
  $("key-button").addEventListener("click", () => open(""));
  $("key-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => (declined = true));
  $("key-forget").addEventListener("click", () => {
    forget();
    dialog.close();
    changed();
  });
  $("key-form").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    keep($("key").value.trim(), $("key-remember").checked);
    dialog.addEventListener("close", () => ((declined = false), changed()), { once: true });
    dialog.close();
  });
}

/** @param {string} why */
function open(why) {
  note($("key-wrong"), key() ? why : "");
  $("key").value = "";
  $("key-remember").checked = localStorage.getItem(NAME) !== null;
  $("key-forget").hidden = !key();
  $("key-dialog").showModal();
}

/** @param {string} value @param {boolean} remember */
function keep(value, remember) {
  forget();
  (remember ? localStorage : sessionStorage).setItem(NAME, value);
}

function forget() {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
}
