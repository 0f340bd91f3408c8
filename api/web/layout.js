// The layout that the user chooses: the sidebar, the divider between image and text. Remembered in this browser.
import { $ } from "./dom.js";

const SIDEBAR = "slimgest.sidebar";
const SPLIT = "slimgest.split";
const NARROW = "(max-width: 1366px)"; // here the sidebar closes when a document is opened, unless the user opens it
const STEP = 0.02;
const [MIN, MAX, FIRST] = [0.2, 0.8, 0.56]; // the share of the image

/** The share of the image, or null for the default. @type {number|null} */
let split = null;

export function setUpLayout() {
  const stored = Number(localStorage.getItem(SPLIT));
  if (stored >= MIN && stored <= MAX) split = stored;
  applySplit();
  setUpDivider($("divider"));
  $("sidebar-toggle").addEventListener("click", toggleSidebar);
  applySidebar();
}

/** Show or hide the list of documents. */
export function toggleSidebar() {
  localStorage.setItem(SIDEBAR, isOpen() ? "closed" : "open");
  applySidebar();
}

/** Call this when a document is opened or closed. */
export function applySidebar() {
  const open = isOpen();
  document.body.dataset.sidebar = open ? "open" : "closed";
  $("sidebar-toggle").setAttribute("aria-expanded", String(open));
}

function isOpen() {
  if (document.body.dataset.view !== "document") return true;
  const chosen = localStorage.getItem(SIDEBAR);
  return chosen ? chosen === "open" : !matchMedia(NARROW).matches;
}

/** @param {HTMLElement} divider a focusable separator */
function setUpDivider(divider) {
  divider.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    divider.setPointerCapture(event.pointerId);
    divider.focus();
  });
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const left = $("sheet-pane").getBoundingClientRect().left;
    setSplit((event.clientX - left) / ($("text-pane").getBoundingClientRect().right - left));
  });
  divider.addEventListener("dblclick", () => setSplit(FIRST));
  divider.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: share() - STEP, ArrowRight: share() + STEP, Home: MIN, End: MAX, Enter: FIRST }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setSplit(to);
  });
}

/** @param {number} to */
function setSplit(to) {
  split = Math.round(100 * Math.min(MAX, Math.max(MIN, to))) / 100;
  localStorage.setItem(SPLIT, String(split));
  applySplit();
}

function share() {
  return split ?? FIRST;
}

function applySplit() {
  $("panes").style.setProperty("--image", `${share()}fr`);
  $("panes").style.setProperty("--text", `${1 - share()}fr`);
  $("divider").setAttribute("aria-valuenow", String(Math.round(100 * share())));
}
