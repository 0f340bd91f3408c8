// The entry point of the web page. The URL fragment says which document is open: #JOB or #JOB/PAGE.
import { setUpDocuments } from "./documents.js";
import { $ } from "./dom.js";
import { setUpKey } from "./key.js";
import { applySidebar, setUpLayout, toggleSidebar } from "./layout.js";
import { refreshService, watchService } from "./service.js";
import { setUpShortcuts } from "./shortcuts.js";
import { keepUpdated, notify, reloadAll, setOpenDocument } from "./store.js";
import { setUpUpload } from "./upload.js";
import { actions, openDocumentId, openViewer, setUpViewer } from "./viewer.js";
import { rotate, setZoom, zoomBy } from "./zoom.js";

const FRAGMENT = /^#([0-9a-f-]{36})(?:\/(\d{1,6}))?$/;

function showFragment() {
  const [, id = "", page = "0"] = FRAGMENT.exec(location.hash) ?? [];
  const changed = id !== openDocumentId();
  document.body.dataset.view = id ? "document" : "documents";
  applySidebar();
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
setUpLayout();
setUpViewer(openPage);
setUpShortcuts(
  [
    { keys: ["j"], text: "Next page", act: () => actions.turnPage(1) },
    { keys: ["k"], text: "Previous page", act: () => actions.turnPage(-1) },
    { keys: ["f"], text: "Next page that could not be read", act: () => actions.nextFailed() },
    { keys: ["u"], text: "Next uncertain line", act: () => actions.nextUncertain() },
    { keys: ["/"], text: "Search in the document (also Ctrl-F)", act: () => actions.search() },
    { keys: ["n"], text: "Next hit", act: () => actions.nextHit(1) },
    { keys: ["N"], text: "Previous hit", act: () => actions.nextHit(-1) },
    { keys: ["l"], text: "Lines as printed, or paragraphs", act: () => actions.toggleLines() },
    { keys: ["c"], text: "Copy the paragraph or table of the marked line", act: () => actions.copyParagraph() },
    { keys: ["w"], text: "Image as wide as its pane", act: () => setZoom("width") },
    { keys: ["p"], text: "Whole page", act: () => setZoom("page") },
    { keys: ["+", "="], text: "Larger image", act: () => zoomBy(1) },
    { keys: ["-"], text: "Smaller image", act: () => zoomBy(-1) },
    { keys: ["r"], text: "Turn the image", act: () => rotate() },
    { keys: ["b"], text: "Show or hide the list of documents", act: () => toggleSidebar() },
  ].map((shortcut) => ({ ...shortcut, documentOnly: true })),
  () => Boolean(openDocumentId()),
);
$("skip").addEventListener("click", (/** @type {Event} */ event) => {
  event.preventDefault(); // the fragment is used for the open document
  $("main").focus();
});
window.addEventListener("hashchange", showFragment);
showFragment();
keepUpdated();
watchService();
