// All documents of the web page: the jobs that the service lists. A few jobs are updated by event streams, the rest by polling.
import { problemOf, send, sendForJson } from "./api.js";
import { oncePerFrame, pause } from "./dom.js";
import { Job } from "./job.js";
import { followEvents } from "./stream.js";

const MAX_STREAMS = 2; // a browser allows six connections per host, and two windows may be visible
const LIST_STEP = 50;
const BUSY_MS = 2_000;
const IDLE_MS = 10_000;

/** @type {Map<string, Job>} */
const jobs = new Map();
/** @type {Map<string, AbortController>} */
const streams = new Map();
/** @type {((changed: Set<Job>) => void)[]} */
const listeners = [];
/** @type {Set<Job>} */
let changed = new Set();
let listLimit = LIST_STEP;
let listFilter = ""; // query parameters of the list that select some jobs
let total = 0;
let olderExist = false;
let openId = "";
let nextRefresh = new AbortController();

const scheduleNotification = oncePerFrame(() => {
  const batch = changed;
  changed = new Set();
  for (const listener of listeners) listener(batch);
});

/** @param {(changed: Set<Job>) => void} listener called at most once per frame */
export function subscribe(listener) {
  listeners.push(listener);
}

/** @param {Job} [job] */
export function notify(job) {
  if (job) changed.add(job);
  scheduleNotification();
}

/** @returns {Job[]} newest first */
export function allJobs() {
  return [...jobs.values()].sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
}

/** @param {string} id */
export function getJob(id) {
  return jobs.get(id);
}

export function hasOlder() {
  return olderExist;
}

export function showOlder() {
  listLimit += LIST_STEP;
  refresh();
}

/** Select the jobs that the service lists, also of those that are not in the list yet. @param {string} status states separated by commas, empty for all @param {string} filename a part of it */
export function filterList(status, filename) {
  const filter = new URLSearchParams({ ...(status ? { status } : {}), ...(filename ? { filename } : {}) }).toString();
  if (filter === listFilter) return;
  listFilter = filter;
  listLimit = LIST_STEP;
  refresh();
}

/** Set the open document. It is the first to get an event stream. @param {string} id */
export function setOpenDocument(id) {
  openId = id;
  if (id && !jobs.has(id)) fetchJob(id);
  updateStreams();
}

/** @param {string} id @param {string} filename */
export function addJob(id, filename) {
  const job = new Job(id, filename);
  job.createdAt = new Date().toISOString();
  jobs.set(id, job);
  notify(job);
  updateStreams();
  refresh();
}

/** @param {Job} job @throws {import("./api.js").Problem} */
export async function cancel(job) {
  const requestedAt = performance.now();
  job.update(await sendForJson(`jobs/${job.id}`, { method: "DELETE" }), requestedAt);
  notify(job);
}

/** Delete a job for good, with all its results. @param {Job} job @throws {import("./api.js").Problem} */
export async function deleteJob(job) {
  await send(`jobs/${job.id}?purge=true`, { method: "DELETE" });
  jobs.delete(job.id);
  updateStreams();
  refresh();
  notify();
}

/** Read the failed pages of a job again, or one page, or the whole PDF if it could not be opened. @param {Job} job @param {{pages?: number, password?: string}} [options] @throws {import("./api.js").Problem} */
export async function retry(job, { pages, password } = {}) {
  const body = new FormData();
  if (password) body.set("password", password);
  const query = pages ? `?pages=${pages}` : "";
  const status = await sendForJson(`jobs/${job.id}/retry${query}`, { method: "POST", ...(password ? { body } : {}) });
  job.reopen();
  if (pages) job.states[pages] = "waiting";
  job.update(status, Infinity);
  notify(job);
  updateStreams();
}

/** Drop all jobs and fetch them again, for example after the API key has changed. */
export function reloadAll() {
  for (const stream of streams.values()) stream.abort();
  streams.clear();
  jobs.clear();
  if (openId) fetchJob(openId);
  refresh();
  notify();
}

/** Fetch the list now. */
export function refresh() {
  nextRefresh.abort();
}

/** Update all jobs for as long as the web page is open. While it is hidden, it closes its streams and polls less often. */
export async function keepUpdated() {
  document.addEventListener("visibilitychange", () => {
    updateStreams();
    refresh();
  });
  window.addEventListener("online", refresh);
  while (true) {
    nextRefresh = new AbortController();
    if (!document.hidden || hasActiveJobs()) await fetchList();
    await pause(hasActiveJobs() && !document.hidden ? BUSY_MS : IDLE_MS, nextRefresh.signal);
  }
}

function hasActiveJobs() {
  return [...jobs.values()].some((job) => !job.ended);
}

async function fetchList() {
  const requestedAt = performance.now();
  const filter = listFilter;
  const missing = new Set(filter ? [] : jobs.keys()); // a filtered list does not show which jobs are gone
  try {
    const found = await sendForJson(`jobs?limit=${listLimit}${filter && `&${filter}`}`);
    if (filter !== listFilter) return;
    total = found.total;
    olderExist = found.next_cursor === undefined ? total > listLimit : found.next_cursor !== null;
    for (const status of found.jobs) {
      updateJob(status, requestedAt);
      missing.delete(status.job_id);
    }
    for (const id of missing) if (id !== openId && total <= listLimit && jobs.get(id)?.ended) jobs.delete(id);
    if (openId && !jobs.has(openId)) await fetchJob(openId); // the first request for this job has failed
    updateStreams();
    notify();
  } catch (error) {
    problemOf(error); // the status line shows that the service is not responding
  }
}

/** @param {string} id */
async function fetchJob(id) {
  const requestedAt = performance.now();
  try {
    updateJob(await sendForJson(`jobs/${id}`), requestedAt);
  } catch (error) {
    const problem = problemOf(error);
    if (problem && !problem.temporary && problem.status !== 401) markUnavailable(id, problem);
  }
  updateStreams();
}

/** @param {any} status @param {number} requestedAt */
function updateJob(status, requestedAt) {
  const job = jobs.get(status.job_id) ?? new Job(status.job_id, status.filename);
  jobs.set(job.id, job);
  job.update(status, requestedAt);
  notify(job);
}

/** Mark a job that cannot be fetched, with the reason. @param {string} id @param {import("./api.js").Problem} problem */
function markUnavailable(id, problem) {
  const job = jobs.get(id) ?? new Job(id, "This document");
  jobs.set(id, job);
  job.status = "failed";
  job.streamEnded = true;
  job.error = { code: problem.code, message: problem.message, hint: problem.hint };
  notify(job);
}

/** Open and close streams: the open document has one, then the newest documents that are being read. */
function updateStreams() {
  const wanted = new Set(document.hidden ? [] : streamCandidates().slice(0, MAX_STREAMS));
  for (const [id, stream] of streams) {
    const job = jobs.get(id);
    if (job && wanted.has(job)) continue;
    stream.abort();
    streams.delete(id);
  }
  for (const job of wanted) if (!streams.has(job.id)) openStream(job);
}

function streamCandidates() {
  const job = jobs.get(openId);
  const active = allJobs().filter((other) => other !== job && !other.ended && other.status === "processing");
  const queued = allJobs().filter((other) => other !== job && other.status === "queued").reverse();
  return [...(job && !job.streamEnded ? [job] : []), ...active, ...queued];
}

/** @param {Job} job */
async function openStream(job) {
  const abortController = new AbortController();
  streams.set(job.id, abortController);
  try {
    await followEvents(job.id, {
      after: job.lastEvent,
      signal: abortController.signal,
      onEvent: (event) => {
        job.apply(event);
        notify(job);
      },
      onConnected: (connected) => {
        job.connected = connected;
        notify(job);
      },
    });
  } catch (error) {
    const problem = problemOf(error);
    if (problem && problem.status !== 401) markUnavailable(job.id, problem);
  } finally {
    if (streams.get(job.id) === abortController) streams.delete(job.id);
    if (job.streamEnded) await fetchJob(job.id);
  }
}
