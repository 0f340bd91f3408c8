// The keys of the web page, and the dialog that lists them.
import { $, createElement } from "./dom.js";

const OFF = "slimgest.keys";

/** @typedef {{keys: string[], text: string, act: () => void, documentOnly?: boolean}} Shortcut */

/** @param {Shortcut[]} shortcuts @param {() => boolean} isDocumentOpen */
export function setUpShortcuts(shortcuts, isDocumentOpen) {
  const all = [...shortcuts, { keys: ["?"], text: "Show these keys", act: () => $("keys-dialog").showModal() }];
  $("keys-list").replaceChildren(...all.flatMap(createRow));
  $("keys-button").addEventListener("click", () => $("keys-dialog").showModal());
  $("keys-close").addEventListener("click", () => $("keys-dialog").close());
  $("keys-on").checked = localStorage.getItem(OFF) !== "off";
  $("keys-on").addEventListener("change", () => localStorage.setItem(OFF, $("keys-on").checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    const shortcut = isFree(event) ? all.find(({ keys, documentOnly }) => keys.includes(event.key) && (!documentOnly || isDocumentOpen())) : findShortcut(event, all, isDocumentOpen);
    if (!shortcut) return;
    event.preventDefault();
    shortcut.act();
  });
}

/** Ctrl-F opens the search of the document; in its field, the browser's own. @param {KeyboardEvent} event @param {Shortcut[]} all @param {() => boolean} isDocumentOpen */
function findShortcut(event, all, isDocumentOpen) {
  const find = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key === "f";
  if (!find || event.target === $("search-text") || !isDocumentOpen() || document.querySelector("dialog[open]")) return undefined;
  return all.find(({ keys }) => keys.includes("/"));
}

/** Return true if a single key is no part of a text or a menu. @param {KeyboardEvent} event */
function isFree(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !$("keys-on").checked) return false;
  const target = /** @type {HTMLElement} */ (event.target);
  return !target.closest("input:not([type=checkbox]), select, textarea, dialog[open]");
}

/** @param {Shortcut} shortcut */
function createRow({ keys, text }) {
  const names = keys.flatMap((key, index) => [...(index ? [" or "] : []), createElement("kbd", {}, key)]);
  return [createElement("dt", {}, ...names), createElement("dd", {}, text)];
}
