// Where the page begins: the address says what is open (#JOB or #JOB/PAGE), everything else follows from it.
import { $ } from "./dom.js";
import { setUpDocuments } from "./documents.js";
import { setUpKey } from "./key.js";
import { refreshService, watchService } from "./service.js";
import { look, restart, run, touch } from "./store.js";
import { setUpUpload } from "./upload.js";
import { openDocument, openViewer, setUpViewer } from "./viewer.js";

const ADDRESS = /^#([0-9a-f-]{36})(?:\/(\d{1,6}))?$/;

function route() {
  const [, id = "", page = "0"] = ADDRESS.exec(location.hash) ?? [];
  const moved = id !== openDocument();
  document.body.dataset.view = id ? "document" : "documents";
  look(id);
  openViewer(id, Number(page));
  touch();
  if (moved) settle();
}

/** Where one takes the other's place, as on a phone, reading and the keyboard go on at its beginning. */
function settle() {
  if (!matchMedia("(max-width: 759px)").matches) return;
  scrollTo(0, 0);
  $("main").focus({ preventScroll: true });
}

/** Turning pages leaves no trail in the browser's history. @param {string} id @param {number} page */
function go(id, page) {
  history.replaceState(null, "", `#${id}/${page}`);
  route();
}

setUpKey(() => {
  restart();
  refreshService();
});
setUpUpload((id) => (location.hash = id));
setUpDocuments(openDocument);
setUpViewer(go);
$("skip").addEventListener("click", (/** @type {Event} */ event) => {
  event.preventDefault(); // the address belongs to what is open
  $("main").focus();
});
window.addEventListener("hashchange", route);
route();
run();
watchService();
