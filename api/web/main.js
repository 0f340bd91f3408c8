// The entry point of the web page. The URL fragment says which document is open: #JOB or #JOB/PAGE.
import { setUpDocuments } from "./documents.js";
import { $ } from "./dom.js";
import { setUpKey } from "./key.js";
import { refreshService, watchService } from "./service.js";
import { keepUpdated, notify, reloadAll, setOpenDocument } from "./store.js";
import { setUpUpload } from "./upload.js";
import { openDocumentId, openViewer, setUpViewer } from "./viewer.js";

const FRAGMENT = /^#([0-9a-f-]{36})(?:\/(\d{1,6}))?$/;

function showFragment() {
  const [, id = "", page = "0"] = FRAGMENT.exec(location.hash) ?? [];
  const changed = id !== openDocumentId();
  document.body.dataset.view = id ? "document" : "documents";
  setOpenDocument(id);
  openViewer(id, Number(page));
  notify();
  if (changed) startAtTopOnPhone();
}

/** On a phone, the list and the document replace each other: scroll to the top and move the keyboard focus there. */
function startAtTopOnPhone() {
  if (!matchMedia("(max-width: 759px)").matches) return;
  scrollTo(0, 0);
  $("main").focus({ preventScroll: true });
}

/** Open a page. It replaces the entry in the browser's history, so "Back" leaves the document. @param {string} id @param {number} page */
function openPage(id, page) {
  history.replaceState(null, "", `#${id}/${page}`);
  showFragment();
}

setUpKey(() => {
  reloadAll();
  refreshService();
});
setUpUpload((id) => (location.hash = id));
setUpDocuments(openDocumentId);
setUpViewer(openPage);
$("skip").addEventListener("click", (/** @type {Event} */ event) => {
  event.preventDefault(); // the fragment is used for the open document
  $("main").focus();
});
window.addEventListener("hashchange", showFragment);
showFragment();
keepUpdated();
watchService();
