"""Gather the paragraphs of a document into chunks: what is kept together, and where a chunk ends.

A chunk ends before a heading of level 1 or 2, before and after a table, and where the next paragraph does not fit. A
heading stays with what follows it, and a caption with the table that follows it. Only a paragraph that is longer than a
chunk is divided. A table is one chunk, even if it is longer than `max_tokens`; only beyond `MAX_TABLE_TOKENS` it is
divided between two rows, and its header is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import NamedTuple

from slimgest_celery.formats.chunks.splitting import end_of, split_text
from slimgest_celery.formats.chunks.tokens import estimate_tokens
from slimgest_celery.models.results import Chunk, ChunkBox

MAX_TABLE_TOKENS = 8192  # the largest input of the usual embedding models
_BOUNDARY_LEVEL = 2  # a chunk ends before a heading of this level or a higher one
_INTRODUCTIONS = ("heading", "caption")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A heading, a paragraph, or a row of a table."""

    kind: str
    text: str
    box: ChunkBox
    level: int = 0  # of a heading


class _Gathered(NamedTuple):
    part: Part
    start: int  # the length of the text before it was added


class ChunkBuilder:
    """The chunk that is being gathered, and the headings above it."""

    def __init__(self, max_tokens: int, overlap: int) -> None:
        self._max_tokens, self._overlap = max_tokens, overlap
        self._count = 0
        self._path: list[Part] = []  # the headings above what comes next
        self._headings: list[str] = []  # the headings above the gathered text
        self._gathered: list[_Gathered] = []
        self._text = ""
        self._repeated = 0
        self._table_head = ""  # repeated if the table is divided

    def add(self, part: Part) -> Iterator[Chunk]:
        """Add a heading or a paragraph. Yield the chunks that end before it."""
        if part.kind == "heading":
            if part.level <= _BOUNDARY_LEVEL and not self._are_headings(above=part.level):
                yield from self.end()
            self._path = [*(own for own in self._path if own.level < part.level), part]
        if self._fits(part):
            self._append(part)
            return
        yield from self._make_room()
        first = self._max_tokens - estimate_tokens(self._text) - 1  # 1: the empty line before it
        whole = estimate_tokens(part.text) <= first
        kind = "text" if part.kind == "heading" and not whole else part.kind  # the end of a heading is no heading
        for index, text in enumerate(split_text(part.text, first, self._max_tokens - self._overlap)):
            if index:
                yield from self._make_room()
            self._append(replace(part, kind=kind, text=text), "" if index else None)

    def begin_table(self, head: Part) -> Iterator[Chunk]:
        """Begin a table with its head in Markdown. The headings and the caption before it belong to its chunk."""
        before = self._take_last(_INTRODUCTIONS)
        yield from self.end()
        for part in before:
            self._append(part)
        self._append(head)
        self._table_head = head.text

    def add_row(self, row: Part) -> Iterator[Chunk]:
        """Add a row of the table. Yield the part of the table before it if the table is too long."""
        if estimate_tokens(f"{self._text}\n{row.text}") > MAX_TABLE_TOKENS:
            yield from self.end()
            self._text = self._table_head
        self._append(row, "\n")

    def end(self) -> Iterator[Chunk]:
        """Yield the gathered chunk: at the end of a table, of a section, and of the document."""
        if self._gathered:
            self._count += 1
            yield self._chunk()
        self._gathered, self._text, self._repeated = [], "", 0

    def _are_headings(self, above: int) -> bool:
        """Return True if all that is gathered are headings of higher levels than this one."""
        return all(own.part.kind == "heading" and own.part.level < above for own in self._gathered)

    def _fits(self, part: Part) -> bool:
        return estimate_tokens(self._text + self._separator(part) + part.text) <= self._max_tokens

    def _separator(self, part: Part) -> str:
        if not self._text:
            return ""
        are_items = self._gathered and self._gathered[-1].part.kind == part.kind == "list"
        return "\n" if are_items else "\n\n"

    def _append(self, part: Part, separator: str | None = None) -> None:
        """Add a part to the gathered text, after `separator`; None: the usual one."""
        start = len(self._text)
        self._text += self._separator(part) if separator is None else separator
        if not self._gathered:
            self._repeated = len(self._text)
        if all(own.part.kind == "heading" for own in self._gathered):
            self._headings = [own.text for own in self._path]
        self._text += part.text
        self._gathered.append(_Gathered(part, start))

    def _take_last(self, kinds: tuple[str, ...]) -> list[Part]:
        """Remove the last parts that are of these kinds from the gathered text, and return them."""
        taken = list(takewhile(lambda own: own.part.kind in kinds, reversed(self._gathered)))[::-1]
        if taken:
            self._text = self._text[: taken[0].start]
            del self._gathered[-len(taken) :]
        return [own.part for own in taken]

    def _make_room(self) -> Iterator[Chunk]:
        """End the chunk because the next part does not fit. Its last headings go with that part if they are short."""
        headings = self._take_last(("heading",))
        overlap = end_of(self._text[self._repeated :].rstrip(), self._overlap) if self._overlap else ""
        yield from self.end()
        if headings:
            for part in headings:
                self._append(part)
            if estimate_tokens(self._text) > self._max_tokens // 2:
                yield from self.end()
        else:
            self._text = overlap

    def _chunk(self) -> Chunk:
        parts = [own.part for own in self._gathered]
        kinds = {part.kind for part in parts if part.kind != "heading"}
        kind = "table" if "table" in kinds else kinds.pop() if len(kinds) == 1 else "text" if kinds else "heading"
        text = self._text.rstrip()
        return Chunk(
            number=self._count,
            kind=kind,
            text=text,
            page_numbers=sorted({part.box.page_number for part in parts}),
            boxes=list(dict.fromkeys(part.box for part in parts)),
            headings=self._headings,
            tokens=estimate_tokens(text),
            repeated=self._repeated,
        )
