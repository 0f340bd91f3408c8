// How states, times and confidence are put into words, everywhere alike.
import { counted } from "./dom.js";

/** @param {import("./job.js").Job} job */
export function stateOf(job) {
  const read = job.done - job.failed;
  const ahead = job.ahead ? `, ${job.ahead.toLocaleString("en")} of others ahead` : "";
  switch (job.status) {
    case "queued":
      return job.ahead ? `Waits: ${counted(job.ahead, "page")} ahead of it` : "Waits for a worker";
    case "processing":
      return job.total ? `${job.done.toLocaleString("en")} of ${counted(job.total, "page")}${ahead}` : "Is being opened";
    case "completed":
      return counted(job.total, "page");
    case "partial":
      return `${read.toLocaleString("en")} of ${counted(job.total, "page")}, ${job.failed.toLocaleString("en")} failed`;
    case "cancelled":
      return `Cancelled, ${counted(job.done, "page")} read`;
    default:
      return "Could not be read";
  }
}

/** @param {import("./job.js").Job} job @returns {number} 0–1 */
export function shareOf(job) {
  return job.total ? Math.min(1, job.done / job.total) : 0;
}

const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** @param {string} when RFC 3339 */
export function ago(when) {
  const seconds = (Date.now() - Date.parse(when)) / 1000;
  for (const [unit, size] of UNITS) if (seconds >= size) return AGO.format(-Math.floor(seconds / size), unit);
  return "just now";
}

/** @param {number} confidence 0–1 @returns {"sure"|"fair"|"unsure"} */
export function sureness(confidence) {
  return confidence >= 0.85 ? "sure" : confidence >= 0.6 ? "fair" : "unsure";
}

/** @type {Record<string, string>} */
const REASONS = {
  text_layer: "From the PDF’s own text",
  ocr_layer: "From the scanner’s text, which a sample bore out",
  no_text: "By OCR: the page has no text of its own",
  hidden_text: "By OCR: the page has only invisible text",
  text_beside_scan: "By OCR: its text does not cover what is printed",
  garbled_text: "By OCR: its own text is garbled",
  wrong_ocr_layer: "By OCR: the scanner’s text is wrong",
  mode_ocr: "By OCR, as asked for",
  mode_text: "From the PDF’s own text, as asked for",
};

/** Where a page's text comes from. @param {any} page a page record */
export function sourceOf(page) {
  const reason = (page.reason ?? "").split(";")[0].trim();
  return REASONS[reason] ?? (page.source === "ocr" ? "By OCR" : page.source ? "From the PDF’s own text" : "");
}
