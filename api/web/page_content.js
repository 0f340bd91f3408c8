// The text of a page to copy: paragraphs as flowing text, tables with tabs, and as HTML for other programs.
import { flowOf, hyphenatedWords, indicesOf, paragraphsOf, tableRows } from "./text_flow.js";

/** @param {any} page a page record @returns {import("./copy_text.js").Copied} */
export function pageContent(page) {
  const parts = paragraphsOf(page).map((paragraph) => paragraphContent(page, paragraph));
  return { text: parts.map(({ text }) => text).join("\n\n"), html: parts.map(({ html }) => html).join("") };
}

/** @param {any} page @param {any} paragraph @returns {{text: string, html: string}} */
export function paragraphContent(page, paragraph) {
  const known = hyphenatedWords(page.text);
  if (paragraph.cells) return tableContent(page, paragraph.cells, known);
  const text = flowOf(page, indicesOf(paragraph), known).join("");
  const tag = paragraph.kind === "heading" ? `h${Math.min(6, paragraph.level + 1)}` : "p";
  return { text, html: `<${tag}>${escapeHtml(text)}</${tag}>` };
}

/** @param {any} page @param {any[]} cells @param {Set<string>} known */
function tableContent(page, cells, known) {
  /** @type {string[][]} */
  const grid = []; // with an empty text where a cell spans several places
  const rows = tableRows(cells).map((row) => {
    const tags = row.map((cell) => {
      const text = flowOf(page, cell.blocks, known).join("").replace(/\s+/g, " ");
      for (let at = cell.row; at < cell.row + cell.row_span; at++) (grid[at] ??= [])[cell.column + cell.col_span - 1] ??= "";
      grid[cell.row][cell.column] = text;
      const tag = cell.header ? "th" : "td";
      const spans = `${cell.row_span > 1 ? ` rowspan="${cell.row_span}"` : ""}${cell.col_span > 1 ? ` colspan="${cell.col_span}"` : ""}`;
      return `<${tag}${spans}>${escapeHtml(text)}</${tag}>`;
    });
    return `<tr>${tags.join("")}</tr>`;
  });
  const lines = Array.from(grid, (row) => Array.from(row ?? [], (text) => text ?? "").join("\t"));
  return { text: lines.join("\n"), html: `<table>${rows.join("")}</table>` };
}

/** @param {string} text */
function escapeHtml(text) {
  return text.replace(/[&<>]/g, (found) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[found] ?? "");
}
