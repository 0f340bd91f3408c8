// The open document: where it stands, what can be done with it, its pages.
import { announceProgress } from "./announce.js";
import { expected } from "./api.js";
import { $, counted, note, say } from "./dom.js";
import { setUpDownloads } from "./download.js";
import { PageView } from "./page.js";
import { PageList } from "./pagelist.js";
import { cancel, jobOf, retry, subscribe } from "./store.js";
import { shareOf, stateOf } from "./words.js";

/** @typedef {import("./job.js").Job} Job */

let openId = "";
let chosen = 0; // the page that the address names; 0 for none
/** @type {PageList} */
let list;
/** @type {PageView} */
let page;

/** @returns {string} */
export function openDocument() {
  return openId;
}

/** @param {(id: string, number: number) => void} go changes the address, which opens what it names */
export function setUpViewer(go) {
  const turnTo = (/** @type {number} */ to) => to && go(openId, to);
  list = new PageList($("page-list"), turnTo);
  page = new PageView((job, again) => attempt(retry(job, { pages: again })));
  $("previous").addEventListener("click", () => turnTo(beside(-1)));
  $("next").addEventListener("click", () => turnTo(beside(1)));
  $("next-failed").addEventListener("click", () => turnTo(jobOf(openId)?.nextFailed(chosen) ?? 0));
  $("cancel").addEventListener("click", () => onOpen((job) => attempt(cancel(job))));
  for (const id of ["retry", "retry-all"]) $(id).addEventListener("click", () => onOpen((job) => attempt(retry(job))));
  $("unlock").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    onOpen((job) => attempt(retry(job, { password: $("unlock-password").value })));
    $("unlock-password").value = "";
  });
  setUpDownloads(() => jobOf(openId), (text) => note($("viewer-note"), text));
  subscribe((changed) => {
    const job = jobOf(openId);
    if (job && (changed.has(job) || $("viewer").hidden)) render(job);
  });
}

/** @param {string} id empty for none @param {number} at a page number, or 0 */
export function openViewer(id, at) {
  if (id !== openId) note($("viewer-note"));
  openId = id;
  chosen = at;
  const job = jobOf(id);
  $("welcome").hidden = Boolean(id);
  $("viewer").hidden = !job;
  if (job) render(job);
  else document.title = "slimgest";
}

/** @param {(job: Job) => void} act */
function onOpen(act) {
  const job = jobOf(openId);
  if (job) act(job);
}

/** @param {Promise<void>} asked */
async function attempt(asked) {
  note($("viewer-note"));
  try {
    await asked;
  } catch (failure) {
    note($("viewer-note"), expected(failure)?.message); // a status region, so it is heard as well
  }
}

/** The page that is looked at: the first until another is chosen. @param {Job} job */
function pageOf(job) {
  return chosen || job.pageAt(0);
}

/** @param {number} step @returns {number} the page before or after; 0 for none */
function beside(step) {
  const job = jobOf(openId);
  const row = job ? job.rowOf(pageOf(job)) + step : -1;
  return job && row >= 0 && row < job.rows ? job.pageAt(row) : 0;
}

/** @param {Job} job */
function render(job) {
  $("viewer").hidden = false;
  document.title = `${job.ended ? "" : `${Math.floor(100 * shareOf(job))} % `}${job.filename} – slimgest`;
  renderHead(job);
  renderFailed(job);
  renderMessage(job);
  renderPages(job);
  announceProgress(job);
}

/** @param {Job} job */
function renderHead(job) {
  say($("viewer-title"), job.filename);
  say($("viewer-state"), stateOf(job) + (job.live || job.ended ? "" : " · the connection is lost, trying again …"));
  $("viewer").dataset.status = job.status;
  $("viewer-progress").hidden = job.ended;
  $("viewer-progress").value = shareOf(job);
  $("cancel").hidden = job.ended;
  $("downloads").hidden = !job.ended || !job.hasResult;
}

/** @param {Job} job */
function renderFailed(job) {
  const unread = job.ended ? job.total - job.done : 0;
  const parts = [];
  if (job.failed) parts.push(`${counted(job.failed, "page")} could not be read.`);
  if (unread > 0) parts.push(`${counted(unread, "page")} ${unread === 1 ? "was" : "were"} not read before the end.`);
  $("viewer-failed").hidden = !parts.length || !job.done;
  say($("viewer-failed-said"), parts.join(" "));
  $("next-failed").hidden = !job.failed;
  say($("next-failed"), job.failed === 1 ? "Show it" : "Show the next one");
  $("retry").hidden = !job.ended;
  say($("retry"), unread ? "Read the rest" : job.failed === 1 ? "Read it again" : "Read them again");
}

/** What stands in place of pages where there are none. @param {Job} job */
function renderMessage(job) {
  $("viewer-message").hidden = job.arrived.length > 0 || job.done > 0;
  const [title, said] = messageOf(job);
  const locked = job.status === "failed" && /^pdf\.(encrypted|wrong_password)$/.test(job.error?.code ?? "");
  say($("message-title"), title);
  say($("message-said"), said);
  $("unlock").hidden = !locked;
  $("retry-all").hidden = !job.ended || locked || isGone(job);
}

/** @param {Job} job @returns {[string, string]} */
function messageOf(job) {
  if (job.status === "queued") return ["It waits its turn", `${stateOf(job)}. You may close this page; the work goes on.`];
  if (job.status === "processing") return ["The first pages are on their way", "Each appears here as soon as it is read."];
  if (job.status === "cancelled") return ["Cancelled", "No page had been read until then."];
  return [isGone(job) ? "This document is not here" : "This PDF could not be read", job.error?.message ?? ""];
}

/** @param {Job} job */
function isGone(job) {
  return /^job\.(unknown|expired)$/.test(job.error?.code ?? "");
}

/** @param {Job} job */
function renderPages(job) {
  const there = job.arrived.length > 0;
  $("panes").hidden = !there;
  if (!there) return;
  const number = pageOf(job);
  say($("page-title"), `Page ${number} of ${job.highest > job.total ? "those asked for" : job.total.toLocaleString("en")}`);
  $("previous").disabled = !beside(-1);
  $("next").disabled = !beside(1);
  list.show(job, number);
  page.show(job, number);
}
