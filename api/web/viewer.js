// The open document: its status, its actions, and its pages.
import { announceProgress } from "./announce.js";
import { problemOf } from "./api.js";
import { $, pluralize, setText, showMessage } from "./dom.js";
import { setUpDownloads } from "./download.js";
import { progressOf, statusLabel } from "./labels.js";
import { explain } from "./messages.js";
import { PageList } from "./page_list.js";
import { PageView } from "./page_view.js";
import { SearchBar } from "./search_bar.js";
import { cancel, deleteJob, getJob, retry, subscribe } from "./store.js";
import { goToNextUncertainLine, stopLooking } from "./uncertain_lines.js";

/** @typedef {import("./job.js").Job} Job */

let openId = "";
let selectedPage = 0; // the page in the URL fragment; 0 for none
/** @type {PageList} */
let list;
/** @type {PageView} */
let page;
/** @type {SearchBar} */
let search;

/**
 * What the keys do in the open document.
 * @type {{turnPage: (step: number) => void, nextFailed: () => void, nextUncertain: () => void, nextHit: (direction: 1|-1) => void, search: () => void, toggleLines: () => void, copyParagraph: () => void}}
 */
export let actions;

/** @returns {string} */
export function openDocumentId() {
  return openId;
}

/** @param {(id: string, number: number) => void} openPage opens a page by changing the URL fragment */
export function setUpViewer(openPage) {
  const showPage = (/** @type {number} */ to) => to && openPage(openId, to);
  page = new PageView((job, number) => run(retry(job, { pages: number })), () => search?.mark());
  list = new PageList($("page-list"), showPage, () => page.image.pending);
  search = new SearchBar(list, page, showPage);
  actions = {
    turnPage: (step) => showPage(adjacentPage(step)),
    nextFailed: () => showPage(getJob(openId)?.nextFailed(selectedPage) ?? 0),
    nextUncertain: () => withOpenJob((job) => goToNextUncertainLine(page, job, currentPage(job), showPage, (text) => showMessage($("viewer-note"), text))),
    nextHit: (direction) => search.go(direction),
    search: () => search.focus(),
    toggleLines: () => page.toggleLines(),
    copyParagraph: () => page.copyParagraph(),
  };
  $("previous").addEventListener("click", () => actions.turnPage(-1));
  $("next").addEventListener("click", () => actions.turnPage(1));
  $("next-failed").addEventListener("click", () => actions.nextFailed());
  $("next-uncertain").addEventListener("click", () => actions.nextUncertain());
  $("cancel").addEventListener("click", () => withOpenJob((job) => run(cancel(job))));
  $("delete").addEventListener("click", () => withOpenJob((job) => {
    if (confirm(`Delete ${job.filename} and its results from the service? This cannot be undone.`)) run(deleteJob(job).then(() => { location.hash = ""; }));
  }));
  for (const id of ["retry", "retry-all"]) $(id).addEventListener("click", () => withOpenJob((job) => run(retry(job))));
  $("unlock").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    withOpenJob((job) => run(retry(job, { password: $("unlock-password").value })));
    $("unlock-password").value = "";
  });
  setUpDownloads(() => getJob(openId), (text) => showMessage($("viewer-note"), text));
  subscribe((changed) => {
    const job = getJob(openId);
    if (job && (changed.has(job) || $("viewer").hidden)) render(job);
  });
}

/** @param {string} id empty for none @param {number} number a page number, or 0 */
export function openViewer(id, number) {
  if (id !== openId) showMessage($("viewer-note"));
  stopLooking();
  openId = id;
  selectedPage = number;
  const job = getJob(id);
  $("welcome").hidden = Boolean(id);
  $("viewer").hidden = !job;
  if (job) render(job);
  else document.title = "slimgest";
}

/** @param {(job: Job) => void} act */
function withOpenJob(act) {
  const job = getJob(openId);
  if (job) act(job);
}

/** @param {Promise<void>} action */
async function run(action) {
  showMessage($("viewer-note"));
  try {
    await action;
  } catch (error) {
    showMessage($("viewer-note"), problemOf(error)?.sentences); // a status region, so screen readers announce it
  }
}

/** Return the open page: the first one until the user selects another, and the last one for a number beyond it. @param {Job} job */
function currentPage(job) {
  return job.existingPage(selectedPage) || job.pageAt(0);
}

/** @param {number} step @returns {number} the previous or next page; 0 for none */
function adjacentPage(step) {
  const job = getJob(openId);
  const row = job ? job.rowOf(currentPage(job)) + step : -1;
  return job && row >= 0 && row < job.rows ? job.pageAt(row) : 0;
}

/** @param {Job} job */
function render(job) {
  $("viewer").hidden = false;
  document.title = `${job.ended ? "" : `${Math.floor(100 * progressOf(job))} % `}${job.filename} – slimgest`;
  renderHead(job);
  renderFailed(job);
  renderMessage(job);
  renderPages(job);
  announceProgress(job);
}

/** @param {Job} job */
function renderHead(job) {
  setText($("viewer-title"), job.filename);
  setText($("viewer-state"), statusLabel(job) + (job.connected || job.ended ? "" : " · connection lost, reconnecting …"));
  $("viewer").dataset.status = job.status;
  $("viewer-progress").hidden = job.ended;
  $("viewer-progress").value = progressOf(job);
  $("cancel").hidden = job.ended;
  $("downloads").hidden = job.ended ? !job.hasResult : !job.done;
  setText($("downloads-label"), job.ended ? "Download" : "Download so far");
  $("downloads").querySelector("[data-format=pdf]").hidden = !job.ended;
}

/** @param {Job} job */
function renderFailed(job) {
  const notRead = job.ended ? job.total - job.done : 0;
  const parts = [];
  if (job.failed) parts.push(`${pluralize(job.failed, "page")} could not be read.`);
  if (notRead > 0) parts.push(`${pluralize(notRead, "page")} ${notRead === 1 ? "was" : "were"} not read.`);
  $("viewer-failed").hidden = !parts.length || !job.done;
  setText($("viewer-failed-text"), parts.join(" "));
  $("next-failed").hidden = !job.failed;
  setText($("next-failed"), job.failed === 1 ? "Show failed page" : "Show next failed page");
  $("retry").hidden = !job.ended;
  setText($("retry"), notRead ? "Read remaining pages" : job.failed === 1 ? "Read failed page again" : "Read failed pages again");
}

/** Show a message instead of the pages while there are none. @param {Job} job */
function renderMessage(job) {
  $("viewer-message").hidden = job.received.length > 0 || job.done > 0;
  const [title, text, hint = ""] = messageOf(job);
  const needsPassword = job.status === "failed" && /^pdf\.(encrypted|wrong_password)$/.test(job.error?.code ?? "");
  setText($("message-title"), title);
  setText($("message-text"), text);
  showMessage($("message-hint"), needsPassword ? "" : hint); // the form for the password says what to do
  $("unlock").hidden = !needsPassword;
  $("retry-all").hidden = !job.ended || needsPassword || isUnavailable(job);
}

/** Return the title, the text, and for an error its hint. @param {Job} job @returns {[string, string, string?]} */
function messageOf(job) {
  if (job.status === "queued") return ["Waiting in the queue", `${statusLabel(job)}. You can close this web page; the service will read the document anyway.`];
  if (job.status === "processing") return ["Reading the first pages", "Each page appears here as soon as it has been read."];
  if (job.status === "cancelled") return ["Cancelled", "No page was read."];
  const { message, hint } = explain(job.error ?? {});
  return [isUnavailable(job) ? "This document is not available" : "This PDF could not be read", message, hint];
}

/** @param {Job} job */
function isUnavailable(job) {
  return /^job\.(unknown|expired)$/.test(job.error?.code ?? "");
}

/** @param {Job} job */
function renderPages(job) {
  const hasPages = job.received.length > 0;
  $("panes").hidden = !hasPages;
  if (!hasPages) return;
  const number = currentPage(job);
  showMessage($("page-note"), number < selectedPage ? `There is no page ${selectedPage.toLocaleString("en")}: this is the last one.` : "");
  setText($("page-title"), `Page ${number} of ${job.highest > job.total ? "the selected pages" : job.total.toLocaleString("en")}`);
  $("previous").disabled = !adjacentPage(-1);
  $("next").disabled = !adjacentPage(1);
  list.show(job, number);
  page.show(job, number);
  search.show(job, number);
}
