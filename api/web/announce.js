// Announcements for screen readers: the progress of the open document at intervals, and each end of a job at once.
import { $, setText } from "./dom.js";
import { statusLabel } from "./labels.js";

const INTERVAL_MS = 15_000;
let lastTime = 0;
let lastText = "";

/** @param {string} text */
export function announce(text) {
  lastTime = performance.now();
  lastText = text;
  setText($("live-region"), text);
}

/** @param {import("./job.js").Job} job the open document */
export function announceProgress(job) {
  const text = `${job.filename}: ${statusLabel(job)}`;
  if (text !== lastText && (job.ended || performance.now() - lastTime > INTERVAL_MS)) announce(text);
}
