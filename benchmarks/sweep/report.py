"""The report of a sweep: a summary, the files without a result, and the worst pages, as Markdown."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.sweep.kinds import SAME_LETTERS, SAME_WORDS, Kind, Verdict
from benchmarks.sweep.results import FileResult, PageResult

WORST = 50
_SHOWN_FILES = 30


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A page with the name of its file."""

    name: str
    page: PageResult

    @property
    def badness(self) -> float:
        """The sum of what the page misses of the two bounds, each in units of the distance from 1 that is allowed."""
        return (1 - self.page.letters) / (1 - SAME_LETTERS) + (1 - self.page.words) / (1 - SAME_WORDS)

    @property
    def is_same(self) -> bool:
        return self.page.kind == Kind.SAME


def all_pages(files: Sequence[FileResult]) -> list[Compared]:
    """Return every page; the number stands after the name if the file has several."""
    return [
        Compared(name=f"{file.file}:{page.number}" if len(file.pages) > 1 else file.file, page=page)
        for file in files
        for page in file.pages
    ]


def summary(files: Sequence[FileResult], least: int) -> str:
    """Return the figures of all pages as a table."""
    pages = all_pages(files)
    comparable = [item for item in pages if item.page.is_comparable(least)]
    text = [item for item in pages if item.page.blocks]
    tall = [item for item in text if item.page.tall_blocks]
    cells = [item for item in text if item.page.tall_cells]
    rows = [
        ("PDFs", f"{len(files)}"),
        ("PDFs read", f"{sum(file.outcome == 'read' for file in files)}"),
        ("pages", f"{len(pages)}"),
        (f"comparable pages (both found {least} letters or more)", f"{len(comparable)}"),
        (f"letters F1 ≥ {SAME_LETTERS}", _share(comparable, lambda item: item.page.letters >= SAME_LETTERS)),
        (f"words F1 ≥ {SAME_WORDS}", _share(comparable, lambda item: item.page.words >= SAME_WORDS)),
        ("order: median", f"{statistics.median([item.page.order for item in comparable] or [1.0]):.3f}"),
        ("order ≥ 0.9", _share(comparable, lambda item: item.page.order >= 0.9)),
        (
            "pages on which a block contains several printed lines",
            f"{len(tall)} of {len(text)} ({_percent(tall, text)})",
        ),
        ("the same, in cells of tables only", f"{len(cells)} of {len(text)} ({_percent(cells, text)})"),
        (f"pages with text that only `pdftotext` found ({least} letters or more)", f"{len(only_theirs(pages, least))}"),
        (f"pages with text that only slimgest found ({least} letters or more)", f"{len(only_ours(pages, least))}"),
        ("seconds a page: median, slowest", _seconds([item.page.seconds for item in pages])),
    ]
    return _table(("", ""), rows)


def only_theirs(pages: Sequence[Compared], least: int) -> list[Compared]:
    return [item for item in pages if item.page.our_letters < least <= item.page.their_letters]


def only_ours(pages: Sequence[Compared], least: int) -> list[Compared]:
    return [item for item in pages if item.page.their_letters < least <= item.page.our_letters]


def kind_table(pages: Sequence[Compared], least: int) -> str:
    """Return the number of comparable pages of each kind of difference."""
    comparable = [item for item in pages if item.page.is_comparable(least)]
    counts = Counter(item.page.kind for item in comparable)
    judged = Counter((item.page.kind, item.page.verdict) for item in comparable)
    rows = [
        (
            kind,
            str(counts[kind]),
            _percent(range(counts[kind]), comparable),
            *(str(judged[kind, v] or "") for v in Verdict),
        )
        for kind in Kind
        if counts[kind]
    ]
    return _table(("difference", "pages", "share", *(f"OCR: {verdict}" for verdict in Verdict)), rows)


def worst_table(pages: Sequence[Compared], least: int) -> str:
    """Return the comparable pages that differ most."""
    found = [item for item in pages if item.page.is_comparable(least) and not item.is_same]
    found.sort(key=lambda item: (-item.badness, item.name))
    rows = [
        (
            item.name,
            f"{item.page.letters:.3f}",
            f"{item.page.words:.3f}",
            f"{item.page.order:.2f}",
            item.page.kind,
            item.page.verdict,
            item.page.missing,
            item.page.extra,
        )
        for item in found[:WORST]
    ]
    return _table(
        ("file", "letters", "words", "order", "kind", "OCR", "missing: only `pdftotext`", "extra: only slimgest"), rows
    )


def order_table(pages: Sequence[Compared], least: int) -> str:
    """Return the comparable pages with the same words in the most different order."""
    found = [item for item in pages if item.page.is_comparable(least) and item.is_same and item.page.order < 0.9]
    found.sort(key=lambda item: (item.page.order, item.name))
    rows = [(item.name, f"{item.page.order:.2f}", str(item.page.our_letters)) for item in found[:_SHOWN_FILES]]
    return _table(("file", "order", "letters"), rows)


def tall_table(pages: Sequence[Compared]) -> str:
    """Return the pages with most blocks of several printed lines."""
    found = [item for item in pages if item.page.tall_blocks]
    found.sort(key=lambda item: (-item.page.tall_blocks, item.name))
    rows = [
        (item.name, f"{item.page.tall_blocks} of {item.page.blocks}", item.page.tall_text)
        for item in found[:_SHOWN_FILES]
    ]
    return _table(("file", "blocks", "the first"), rows)


def one_sided_table(pages: Sequence[Compared], least: int) -> str:
    """Return the pages on which only one of the two programs found text."""
    found = only_theirs(pages, least)
    rows = [(item.name, str(item.page.their_letters), item.page.kind, item.page.missing) for item in found]
    return _table(("file", "letters", "kind", "only `pdftotext`"), rows)


def outcome_table(files: Sequence[FileResult]) -> str:
    """Return the files and pages without a result, by reason."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for file in files:
        if file.outcome != "read":
            names[file.outcome].append(file.file)
        for page in file.pages:
            if page.error:
                names[page.error].append(f"{file.file}:{page.number}")
    rows = [(reason, str(len(found)), _shortened(found)) for reason, found in sorted(names.items())]
    return _table(("reason", "count", "files"), rows)


def seconds_table(pages: Sequence[Compared]) -> str:
    """Return the time a page with `mode=auto`, by the decision between text layer and OCR."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for item in pages:
        if item.page.auto:
            times[item.page.auto].append(item.page.auto_s)
    rows = [
        (reason, str(len(found)), f"{statistics.median(found):.4f}", f"{max(found):.3f}", f"{sum(found):.1f}")
        for reason, found in sorted(times.items(), key=lambda entry: -sum(entry[1]))
    ]
    return _table(("decision", "pages", "median s", "slowest s", "all s"), rows)


def doubts_table(pages: Sequence[Compared]) -> str:
    """Return the reasons of `mode=text`: the text layers that `mode=auto` would replace by OCR are counted here."""
    counts = Counter(item.page.reason for item in pages if not item.page.error)
    return _table(("reason", "pages"), [(reason, str(count)) for reason, count in counts.most_common()])


def change_table(pages: Sequence[Compared], before: Sequence[Compared]) -> str:
    """Return the pages whose comparison has changed since an earlier sweep, those that became worse first."""
    earlier = {item.name: item for item in before}
    changes = []
    for item in pages:
        if old := earlier.get(item.name):
            worse = item.badness - old.badness
            if abs(worse) > 0.1 or abs(item.page.order - old.page.order) > 0.05:
                changes.append((worse + 2 * (old.page.order - item.page.order), item, old))
    changes.sort(key=lambda change: (-change[0], change[1].name))
    rows = [
        (
            item.name,
            *(f"{getattr(old.page, key):.3f} → {getattr(item.page, key):.3f}" for key in _SCORES),
            item.page.missing,
            item.page.extra,
        )
        for _, item, old in changes
    ]
    return _table(("file", *_SCORES, "missing", "extra"), rows)


_SCORES = ("letters", "words", "order")


def report(files: Sequence[FileResult], least: int, before: Sequence[FileResult] = ()) -> str:
    """Return the whole report. `before` is an earlier sweep, for a table of changes."""
    pages = all_pages(files)
    sections: list[tuple[str, str]] = [
        ("Files and pages without a result", outcome_table(files)),
        ("Reasons with mode=text", doubts_table(pages)),
        ("Seconds a page with mode=auto, by decision", seconds_table(pages)),
        ("Differences by kind", kind_table(pages, least)),
        (f"The {WORST} pages that differ most", worst_table(pages, least)),
        ("The same words in another order", order_table(pages, least)),
        ("Blocks with several printed lines", tall_table(pages)),
        ("Text that only pdftotext found", one_sided_table(pages, least)),
        ("Changes since the earlier sweep", change_table(pages, all_pages(before))),
    ]
    parts = ["# Text layers compared with pdftotext", summary(files, least)]
    for title, table in sections:
        if table:
            parts += [f"## {title}", table]
    return "\n\n".join(parts) + "\n"


def _share(items: Sequence[Compared], holds: Callable[[Compared], bool]) -> str:
    return _percent([item for item in items if holds(item)], items)


def _percent(some: Sequence[object], of: Sequence[object]) -> str:
    return f"{100 * len(some) / max(1, len(of)):.1f} %"


def _seconds(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds or [0.0]):.4f}, {max(seconds, default=0.0):.2f}"


def _shortened(names: Sequence[str]) -> str:
    more = f" … ({len(names)})" if len(names) > _SHOWN_FILES else ""
    return ", ".join(names[:_SHOWN_FILES]) + more


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, or "" if it has no rows."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines]) if lines else ""
