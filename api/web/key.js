// The API key: stored for this tab, or in this browser profile if the user chooses so. Requested if the service needs it.
import { $, showMessage } from "./dom.js";

const STORAGE_NAME = "slimgest.key";

let declined = false; // after the user has closed the dialog, do not open it again by itself

/** @returns {string|null} */
export function getKey() {
  return sessionStorage.getItem(STORAGE_NAME) ?? localStorage.getItem(STORAGE_NAME);
}

/** Show the dialog after the service has refused a request. @param {string} message the service's reason */
export function askForKey(message) {
  $("key-button").hidden = false;
  if (!declined && !$("key-dialog").open) openDialog(message);
}

/** @param {() => void} onChange called after the key has been changed or deleted */
export function setUpKey(onChange) {
  const dialog = $("key-dialog");
  $("key-button").hidden = !getKey();
  $("key-button").addEventListener("click", () => openDialog(""));
  $("key-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => (declined = true));
  $("key-forget").addEventListener("click", () => {
    deleteKey();
    dialog.close();
    onChange();
  });
  $("key-form").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    storeKey($("key").value.trim(), $("key-remember").checked);
    dialog.addEventListener("close", () => ((declined = false), onChange()), { once: true });
    dialog.close();
  });
}

/** @param {string} message */
function openDialog(message) {
  showMessage($("key-wrong"), getKey() ? message : "");
  $("key").value = "";
  $("key-remember").checked = localStorage.getItem(STORAGE_NAME) !== null;
  $("key-forget").hidden = !getKey();
  $("key-dialog").showModal();
}

/** @param {string} value @param {boolean} remember */
function storeKey(value, remember) {
  deleteKey();
  (remember ? localStorage : sessionStorage).setItem(STORAGE_NAME, value);
}

function deleteKey() {
  sessionStorage.removeItem(STORAGE_NAME);
  localStorage.removeItem(STORAGE_NAME);
}
