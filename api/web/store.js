// All documents of this page: what the service lists, kept fresh by a few streams and, for the rest, by asking.
import { expected, json } from "./api.js";
import { inFrame, pause } from "./dom.js";
import { Job } from "./job.js";
import { follow } from "./stream.js";

const STREAMS = 2; // a browser has six connections to a host, and two windows may be in sight
const PAGE = 50;
const BUSY_MS = 2_000;
const QUIET_MS = 10_000;

/** @type {Map<string, Job>} */
const jobs = new Map();
/** @type {Map<string, AbortController>} */
const streams = new Map();
/** @type {((changed: Set<Job>) => void)[]} */
const listeners = [];
/** @type {Set<Job>} */
let changed = new Set();
let shown = PAGE;
let total = 0;
let open = "";
let wake = new AbortController();

const tell = inFrame(() => {
  const told = changed;
  changed = new Set();
  for (const listener of listeners) listener(told);
});

/** @param {(changed: Set<Job>) => void} listener called once a frame at most */
export function subscribe(listener) {
  listeners.push(listener);
}

/** @param {Job} [job] */
export function touch(job) {
  if (job) changed.add(job);
  tell();
}

/** @returns {Job[]} newest first */
export function allJobs() {
  return [...jobs.values()].sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
}

/** @param {string} id */
export function jobOf(id) {
  return jobs.get(id);
}

export function hasOlder() {
  return total > shown;
}

export function showOlder() {
  shown += PAGE;
  refresh();
}

/** The document that is looked at; its stream comes first. @param {string} id */
export function look(id) {
  open = id;
  if (id && !jobs.has(id)) load(id);
  connect();
}

/** @param {string} id @param {string} filename */
export function added(id, filename) {
  const job = new Job(id, filename);
  job.createdAt = new Date().toISOString();
  jobs.set(id, job);
  touch(job);
  connect();
  refresh();
}

/** @param {Job} job @throws {import("./api.js").Problem} */
export async function cancel(job) {
  const askedAt = performance.now();
  job.update(await json(`jobs/${job.id}`, { method: "DELETE" }), askedAt);
  touch(job);
}

/** Has a job's failed pages read again, or all of it where it could not be opened. @param {Job} job @param {{pages?: number, password?: string}} [how] @throws {import("./api.js").Problem} */
export async function retry(job, { pages, password } = {}) {
  const body = new FormData();
  if (password) body.set("password", password);
  const query = pages ? `?pages=${pages}` : "";
  const status = await json(`jobs/${job.id}/retry${query}`, { method: "POST", ...(password ? { body } : {}) });
  job.reopen();
  if (pages) job.states[pages] = "waiting";
  job.update(status, Infinity);
  touch(job);
  connect();
}

/** Forgets everything, as when another key is used, and asks anew. */
export function restart() {
  for (const stream of streams.values()) stream.abort();
  streams.clear();
  jobs.clear();
  if (open) load(open);
  refresh();
  touch();
}

/** Asks for the list now. */
export function refresh() {
  wake.abort();
}

/** Keeps everything fresh for as long as the page is there; a hidden page gives its streams back and asks less. */
export async function run() {
  document.addEventListener("visibilitychange", () => {
    connect();
    refresh();
  });
  window.addEventListener("online", refresh);
  while (true) {
    wake = new AbortController();
    if (!document.hidden || busy()) await list();
    await pause(busy() && !document.hidden ? BUSY_MS : QUIET_MS, wake.signal);
  }
}

function busy() {
  return [...jobs.values()].some((job) => !job.ended);
}

async function list() {
  const askedAt = performance.now();
  const had = new Set(jobs.keys());
  try {
    const found = await json(`jobs?limit=${shown}`);
    total = found.total;
    for (const status of found.jobs) {
      learn(status, askedAt);
      had.delete(status.job_id);
    }
    for (const id of had) if (id !== open && total <= shown && jobs.get(id)?.ended) jobs.delete(id);
    if (open && !jobs.has(open)) await load(open); // the service did not answer when it was opened
    connect();
    touch();
  } catch (failure) {
    expected(failure); // the service's own line says that it does not answer
  }
}

/** @param {string} id */
async function load(id) {
  const askedAt = performance.now();
  try {
    learn(await json(`jobs/${id}`), askedAt);
  } catch (failure) {
    const problem = expected(failure);
    if (problem && !problem.passing && problem.status !== 401) gone(id, problem);
  }
  connect();
}

/** @param {any} status @param {number} askedAt */
function learn(status, askedAt) {
  const job = jobs.get(status.job_id) ?? new Job(status.job_id, status.filename);
  jobs.set(job.id, job);
  job.update(status, askedAt);
  touch(job);
}

/** A job that cannot be asked for says why. @param {string} id @param {import("./api.js").Problem} problem */
function gone(id, problem) {
  const job = jobs.get(id) ?? new Job(id, "This document");
  jobs.set(id, job);
  job.status = "failed";
  job.told = true;
  job.error = { code: problem.code, message: problem.message };
  touch(job);
}

/** Opens and ends streams, so that the open document and the newest that are being read have one. */
function connect() {
  const wanted = new Set(document.hidden ? [] : candidates().slice(0, STREAMS));
  for (const [id, stream] of streams) {
    const job = jobs.get(id);
    if (job && wanted.has(job)) continue;
    stream.abort();
    streams.delete(id);
  }
  for (const job of wanted) if (!streams.has(job.id)) stream(job);
}

function candidates() {
  const job = jobs.get(open);
  const active = allJobs().filter((other) => other !== job && !other.ended && other.status === "processing");
  const queued = allJobs().filter((other) => other !== job && other.status === "queued").reverse();
  return [...(job && !job.told ? [job] : []), ...active, ...queued];
}

/** @param {Job} job */
async function stream(job) {
  const control = new AbortController();
  streams.set(job.id, control);
  try {
    await follow(job.id, {
      after: job.lastEvent,
      signal: control.signal,
      onEvent: (event) => {
        job.apply(event);
        touch(job);
      },
      onLive: (live) => {
        job.live = live;
        touch(job);
      },
    });
  } catch (failure) {
    const problem = expected(failure);
    if (problem && problem.status !== 401) gone(job.id, problem);
  } finally {
    if (streams.get(job.id) === control) streams.delete(job.id);
    if (job.told) await load(job.id);
  }
}
