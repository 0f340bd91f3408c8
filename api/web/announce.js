// What screen readers are told: the latest word on the open document, now and then, and each end at once.
import { $, say } from "./dom.js";
import { stateOf } from "./words.js";

const EVERY_MS = 15_000;
let last = 0;
let said = "";

/** @param {string} text */
export function announce(text) {
  last = performance.now();
  said = text;
  say($("said"), text);
}

/** @param {import("./job.js").Job} job the open document */
export function announceProgress(job) {
  const text = `${job.filename}: ${stateOf(job)}`;
  if (text !== said && (job.ended || performance.now() - last > EVERY_MS)) announce(text);
}
