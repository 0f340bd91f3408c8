// Text as a search compares it: without capitals and accents, and without the ends of lines, also within a cut word.

const HYPHENS = new Set(["-", "\u00ad", "\u2010"]);
const MARKS = /\p{M}/gu;
const LETTER = /\p{L}/u;
const SMALL = /\p{Ll}/u;

/**
 * @param {string} text
 * @param {number[]} [offsets] receives for each character of the result its place in the text, and at last the text's length
 * @returns {string}
 */
export function fold(text, offsets) {
  const parts = [];
  let space = true; // no space at the start, and never two
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    const lineEnd = HYPHENS.has(character) ? cutWord(text, index) : 0;
    if (lineEnd) {
      index = lineEnd - 1;
      continue;
    }
    const folded = foldCharacter(character);
    if (folded === " " && space) continue;
    space = folded === " ";
    parts.push(folded);
    if (offsets) for (let count = 0; count < folded.length; count++) offsets.push(index);
  }
  offsets?.push(text.length);
  return parts.join("");
}

/** @param {string} character one UTF-16 unit */
function foldCharacter(character) {
  const code = character.charCodeAt(0);
  if (code <= 32 || code === 160) return " ";
  if (code < 65) return character;
  if (code < 91) return String.fromCharCode(code + 32);
  if (code < 128) return character;
  if (code >= 0xd800 && code < 0xe000) return character;
  return character.normalize("NFKD").replace(MARKS, "").toLowerCase().replace("ς", "σ");
}

/** Return where a word goes on that is cut by this hyphen at the end of a line; 0 if the hyphen cuts no word. @param {string} text @param {number} index */
function cutWord(text, index) {
  if (text[index + 1] !== "\n" || !LETTER.test(text[index - 1] ?? "")) return 0;
  return SMALL.test(text[index + 2] ?? "") ? index + 2 : 0;
}

/** Return all places of a folded query in a folded text. @param {string} folded @param {string} query @returns {number[]} */
export function placesOf(folded, query) {
  const places = [];
  for (let at = folded.indexOf(query); at >= 0; at = folded.indexOf(query, at + query.length)) places.push(at);
  return places;
}
