"""Join lines of text: words that were hyphenated at the end of a line become whole again."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from slimgest_celery.models.page import Page

_HYPHENATED = re.compile(r"(\S*\w)[-\u00ad\u2010]$")
_FIRST_WORD = re.compile(r"\w+")
_FIRST_RUN = re.compile(r"\S+\s*")
_HYPHENATED_WORD = re.compile(r"\w+(?:[-\u2010]\w+)+")
# Scripts without spaces between words. The lines of a paragraph are joined without a space, too.
_NO_SPACES = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
# Words after a suspended hyphen: "pre- and post-war", "Ein- und Ausgang".
_CONJUNCTIONS = frozenset(["and", "or", "nor", "und", "oder", "bis", "sowie", "og", "och"])
# Rarely the first half of a cut word: "self-", "well-".
_PREFIXES = frozenset(["self", "well"])
# Rarely the first half of a cut word if a hyphen is before them, as in "up-to-date".
_LINK_WORDS = frozenset(["in", "of", "to", "the", "and", "by", "up", "on", "at", "off", "out", "de", "la", "le"])


def hyphenated_words(page: Page) -> Set[str]:
    """Return the words of a page that have a hyphen within a line, in lower case."""
    return {match.casefold() for match in _HYPHENATED_WORD.findall(page.text)}


def join_lines(lines: Sequence[str], known: Set[str] = frozenset()) -> str:
    """Return the lines of a paragraph as one line. `known` are words that are written with a hyphen."""
    whole = ""
    for line in lines:
        replacement = _hyphen_replacement(whole, line, known)
        if replacement is not None:
            whole = whole[:-1] + replacement + line
        elif whole and _NO_SPACES.match(whole[-1]) and _NO_SPACES.match(line[:1]):
            whole += line
        else:
            whole = f"{whole} {line}" if whole else line
    return whole


def join_cut_words(lines: Sequence[str], known: Set[str] = frozenset()) -> list[str]:
    """Return the lines of a paragraph, with the second half of each cut word moved up to its first half."""
    found: list[str] = []
    for line in lines:
        rest = line
        if found and (replacement := _hyphen_replacement(found[-1], line, known)) is not None:
            word = _FIRST_RUN.match(line)
            end = word[0] if word else ""
            found[-1] = found[-1][:-1] + replacement + end.rstrip()
            rest = line[len(end) :]
        if rest:
            found.append(rest)
    return found


def _hyphen_replacement(before: str, after: str, known: Set[str]) -> str | None:
    """Return the replacement of a hyphen at the end of a line: "" if it cuts a word, "-" if it joins two words.

    Return None if there is no such hyphen.
    """
    cut = _HYPHENATED.search(before)
    word = _FIRST_WORD.match(after)
    if not cut or not word or word[0] in _CONJUNCTIONS:
        return None
    start = _HYPHENATED_WORD.sub(lambda match: match[0].replace("\u2010", "-"), cut[1])
    last = re.split(r"\W", start)[-1]
    if f"{last}-{word[0]}".casefold() in known or last.casefold() in _PREFIXES:
        return "-"
    if start != last and start.endswith(f"-{last}") and last in _LINK_WORDS:
        return "-"
    if word[0][0].islower():
        return "" if last[-1].isalpha() else "-"
    # Two words such as Anglo-Saxon, or numbers. Words in capital letters may be cut, too.
    return "" if len(last) > 1 and last.isupper() and word[0].isupper() and len(word[0]) > 1 else "-"
