// Texts for states, times and confidence, used everywhere in the web page.
import { pluralize } from "./dom.js";

/** @param {import("./job.js").Job} job */
export function statusLabel(job) {
  const read = job.done - job.failed;
  const ahead = job.pagesAhead ? `, ${pluralize(job.pagesAhead, "page")} of other documents first` : "";
  const warned = job.warned ? `, ${job.warned.toLocaleString("en")} with warnings` : "";
  switch (job.status) {
    case "queued":
      return job.pagesAhead ? `Waiting: ${pluralize(job.pagesAhead, "page")} of other documents first` : "Waiting for a worker";
    case "processing":
      return job.total ? `${job.done.toLocaleString("en")} of ${pluralize(job.total, "page")}${ahead}` : "Opening the PDF";
    case "completed":
      return pluralize(job.total, "page") + warned;
    case "partial":
      return `${read.toLocaleString("en")} of ${pluralize(job.total, "page")}, ${job.failed.toLocaleString("en")} failed${warned}`;
    case "cancelled":
      return `Cancelled after ${pluralize(job.done, "page")}`;
    default:
      return "Could not be read";
  }
}

/** @param {import("./job.js").Job} job @returns {number} 0–1 */
export function progressOf(job) {
  return job.total ? Math.min(1, job.done / job.total) : 0;
}

const RELATIVE_TIME = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** @param {string} timestamp RFC 3339 */
export function relativeTime(timestamp) {
  const seconds = (Date.now() - Date.parse(timestamp)) / 1000;
  for (const [unit, size] of UNITS) if (seconds >= size) return RELATIVE_TIME.format(-Math.floor(seconds / size), unit);
  return "just now";
}

/** @param {number} confidence 0–1 @returns {"sure"|"fair"|"unsure"} */
export function confidenceClass(confidence) {
  return confidence >= 0.85 ? "sure" : confidence >= 0.6 ? "fair" : "unsure";
}

/** @type {Record<string, string>} */
const REASONS = {
  text_layer: "Text from the PDF",
  ocr_layer: "Text from the scanning software, checked on a sample",
  no_text: "Text recognition: the PDF contains no text for this page",
  hidden_text: "Text recognition: the PDF contains only invisible text for this page",
  text_beside_scan: "Text recognition: the text in the PDF does not cover the whole scan",
  garbled_text: "Text recognition: the text in the PDF is garbled",
  wrong_ocr_layer: "Text recognition: the text from the scanning software is wrong",
  mode_ocr: "Text recognition, as selected",
  mode_text: "Text from the PDF, as selected",
};

const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language" });
const SCRIPTS = new Intl.DisplayNames(["en"], { type: "script" });

/** Return the source of a page's text, and its language. @param {any} page a page record */
export function sourceLabel(page) {
  const reason = (page.reason ?? "").split(";")[0].trim();
  const source = REASONS[reason] ?? (page.source === "ocr" ? "Text recognition" : page.source ? "Text from the PDF" : "");
  return [source, languageLabel(page)].filter(Boolean).join(" · ");
}

/** Return the language in English; its script if the language is unclear and the script is not Latin. @param {any} page */
function languageLabel({ language, script }) {
  if (language) return LANGUAGES.of(language) ?? "";
  return script && script !== "Latn" ? `${SCRIPTS.of(script)} script` : "";
}
