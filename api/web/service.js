// The status line of the service: its workers, its queue, and whether it responds.
import { problemOf, sendForJson } from "./api.js";
import { $, createElement, pause, pluralize, setText, showMessage } from "./dom.js";
import { getJob } from "./store.js";

const INTERVAL_MS = 3_000;
let nextRefresh = new AbortController();

/** Refresh the status line now, for example after the API key has changed. */
export function refreshService() {
  nextRefresh.abort();
}

/** Refresh the status line at intervals, for as long as the web page is open. */
export async function watchService() {
  document.addEventListener("visibilitychange", refreshService);
  while (true) {
    nextRefresh = new AbortController();
    if (!document.hidden) await refresh();
    await pause(INTERVAL_MS, nextRefresh.signal);
  }
}

async function refresh() {
  try {
    render(await sendForJson("."));
    showMessage($("offline"));
  } catch (error) {
    showMessage($("offline"), problemOf(error)?.message);
    $("service-dot").dataset.state = "down";
    setText($("service-text"), "The state of the service is unknown");
  }
}

/** @param {any} service */
function render({ status, version, engine, languages, workers, queue }) {
  const busy = workers.filter((/** @type {any} */ worker) => worker.state === "busy").length;
  const waiting = queue.pending_jobs
    ? `${pluralize(queue.pending_jobs, "document")} in the queue (limit ${queue.limit}), ${pluralize(queue.pages_ahead, "page")} left to read`
    : "the queue is empty";
  $("service-dot").dataset.state = status === "ok" ? "up" : "starting";
  setText($("service-text"), `${workers.length ? `${pluralize(workers.length, "worker")}, ${busy} busy` : "No workers yet"} · ${waiting}`);
  setText($("service-version"), `slimgest ${version}, engine ${engine}`);
  if ($("languages-list").childElementCount !== languages.length) {
    $("languages-list").replaceChildren(...languages.map((/** @type {string} */ value) => createElement("option", { value })));
  }
  $("workers").replaceChildren(...workers.map(createWorkerRow));
}

/** @param {any} worker */
function createWorkerRow(worker) {
  const memory = worker.device_memory_mb ? `, ${pluralize(worker.device_memory_mb, "MB", "MB")}` : "";
  const cells = [worker.device + memory, worker.engine, activityLabel(worker)].map((text) => createElement("td", {}, text));
  return createElement("tr", { "data-state": worker.state }, createElement("th", { scope: "row" }, worker.name), ...cells);
}

/** @param {any} worker */
function activityLabel({ state, job_id: id, page_number: page, detail }) {
  if (state !== "busy") return state === "failed" && detail ? `failed: ${detail}` : state; // in other states, `detail` is about the engine
  const name = id ? (getJob(id)?.filename ?? "a document") : "another user’s document";
  return page ? `reading page ${page} of ${name}` : `working on ${name}`;
}
