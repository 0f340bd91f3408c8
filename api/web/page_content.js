// The text of a page to copy: paragraphs as flowing text, tables with tabs, and as HTML for other programs.
import { flowOf, hyphenatedWords, paragraphsOf } from "./text_flow.js";

/** @param {any} page a page record @returns {import("./copy_text.js").Copied} */
export function pageContent(page) {
  const parts = paragraphsOf(page).map((paragraph) => paragraphContent(page, paragraph));
  return { text: parts.map(({ text }) => text).join("\n\n"), html: parts.map(({ html }) => html).join("") };
}

/** @param {any} page @param {any} paragraph @returns {{text: string, html: string}} */
export function paragraphContent(page, paragraph) {
  if (paragraph.cells) return tableContent(page, paragraph.cells);
  const text = flowOf(page, paragraph, hyphenatedWords(page.text)).join("");
  const tag = paragraph.kind === "heading" ? `h${Math.min(6, paragraph.level + 1)}` : "p";
  return { text, html: `<${tag}>${escapeHtml(text)}</${tag}>` };
}

/** @param {any} page @param {(number|null)[][]} cells */
function tableContent(page, cells) {
  const texts = cells.map((row) => row.map((index) => (index === null ? "" : page.blocks[index].text)));
  const rows = texts.map((row) => `<tr>${row.map((text) => `<td>${escapeHtml(text)}</td>`).join("")}</tr>`);
  const oneLine = (/** @type {string} */ text) => text.replace(/\s+/g, " ");
  return { text: texts.map((row) => row.map(oneLine).join("\t")).join("\n"), html: `<table>${rows.join("")}</table>` };
}

/** @param {string} text */
function escapeHtml(text) {
  return text.replace(/[&<>]/g, (found) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[found] ?? "");
}
