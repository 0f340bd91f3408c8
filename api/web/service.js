// The service's own line: its workers with what they do, its queue, and whether it answers at all.
import { expected, json } from "./api.js";
import { $, counted, make, note, pause, say } from "./dom.js";
import { jobOf } from "./store.js";

const EVERY_MS = 3_000;
let wake = new AbortController();

/** Asks now, as after another key was entered. */
export function refreshService() {
  wake.abort();
}

/** Keeps the line fresh for as long as the page is there. */
export async function watchService() {
  document.addEventListener("visibilitychange", refreshService);
  while (true) {
    wake = new AbortController();
    if (!document.hidden) await ask();
    await pause(EVERY_MS, wake.signal);
  }
}

async function ask() {
  try {
    show(await json("."));
    note($("offline"));
  } catch (failure) {
    note($("offline"), expected(failure)?.message);
    $("service-dot").dataset.state = "down";
    say($("service-said"), "The service cannot be asked");
  }
}

/** @param {any} service */
function show({ status, version, engine, workers, queue }) {
  const busy = workers.filter((/** @type {any} */ worker) => worker.state === "busy").length;
  const waiting = queue.pending_jobs
    ? `${counted(queue.pending_jobs, "document")} of at most ${queue.limit} in the queue, ${counted(queue.pages_ahead, "page")} to read`
    : "nothing waits";
  $("service-dot").dataset.state = status === "ok" ? "up" : "starting";
  say($("service-said"), `${workers.length ? `${counted(workers.length, "worker")}, ${busy} busy` : "No worker yet"} · ${waiting}`);
  say($("service-version"), `slimgest ${version}, engine ${engine}`);
  $("workers").replaceChildren(...workers.map(row));
}

/** @param {any} worker */
function row(worker) {
  const memory = worker.device_memory_mb ? `, ${counted(worker.device_memory_mb, "MB", "MB")}` : "";
  const cells = [worker.device + memory, worker.engine, doing(worker)].map((text) => make("td", {}, text));
  return make("tr", { "data-state": worker.state }, make("th", { scope: "row" }, worker.name), ...cells);
}

/** @param {any} worker */
function doing({ state, job_id: id, page_number: page, detail }) {
  if (state !== "busy") return state === "failed" && detail ? `failed: ${detail}` : state; // else it is about its engine
  const name = id ? (jobOf(id)?.filename ?? "a document") : "a document of someone else’s";
  return page ? `reads page ${page} of ${name}` : `works on ${name}`;
}
