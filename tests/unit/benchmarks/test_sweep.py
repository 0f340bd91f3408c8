"""The sweep: its comparison of texts and its count of printed lines, on pages short enough to count by hand."""

from __future__ import annotations

import io
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import pikepdf
import pypdfium2 as pdfium
import pytest
from reportlab.pdfgen.canvas import Canvas

from benchmarks.sweep import __main__ as command_line
from benchmarks.sweep import pdfium_text, poppler, report
from benchmarks.sweep.compare import compare, only_in, order, prepare, words
from benchmarks.sweep.kinds import Kind, Verdict, judge, kind_of
from benchmarks.sweep.printed_lines import count_lines
from benchmarks.sweep.processes import SweepProcess
from benchmarks.sweep.results import FileResult, PageResult, SweepOptions
from benchmarks.sweep.worker import Sweeper
from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.models.job import Mode
from slimgest_celery.models.page import Block
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading.page_reader import PageReader
from tests.support import pdfs

needs_poppler = pytest.mark.skipif(
    not shutil.which("pdftotext"), reason="poppler-utils is not installed (apt install poppler-utils)"
)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("ﬁne ﬂow", "fine flow"),  # ligatures
        ("cafe\u0301", "café"),  # accents
        ("well-\nknown", "wellknown"),  # a hyphen at the end of a line
        ("\u202bשלום\u202c", "שלום"),  # marks of direction
        ("co\u00adoperate", "cooperate"),  # soft hyphens
        ("x² – 4, “so”", 'x2 - 4 "so"'),  # superscripts, punctuation
        ("漢 字\n文", "漢字文"),  # white space in Chinese
        ("name ____ date", "name date"),  # lines to write on
    ],
)
def test_a_difference_of_notation_is_no_difference(ours: str, theirs: str) -> None:
    found = compare(ours, theirs)
    assert (found.letters, found.words, found.order) == (1, 1, 1)
    assert (found.missing, found.extra) == ("", "")


def test_hyphens_between_numbers_stay() -> None:
    assert words(prepare("2010-2012")) == ["2010", "2012"]


def test_letters_and_words_are_bags_and_case_counts() -> None:
    found = compare("one Two", "one two two")
    assert found.words == pytest.approx(2 * 1 / 5)
    assert found.letters == pytest.approx(2 * 5 / 15, abs=1e-4)
    assert (found.our_letters, found.their_letters) == (6, 9)
    assert (found.missing, found.extra) == ("two two", "Two")


def test_order_is_the_share_of_neighbours_that_both_have_and_missing_words_do_not_count() -> None:
    text = "abcdefgh"
    assert order(text, text) == 1
    assert order("efghabcd", text) == pytest.approx(6 / 7), "a block at another place"
    assert order("aebfcgdh", text) == 0, "read across two columns"
    assert order("abdefgh", text) == 1, "a missing word"
    assert order([], text) == 1


def test_a_long_list_of_words_is_cut_and_its_length_follows() -> None:
    assert only_in(["a", "b", "a"], ["a"]) == "a b"
    assert only_in(["word"] * 40, []) == " ".join(["word"] * 12) + " … (40 words)"
    assert len(only_in(["w" * 500], [])) < 200


@pytest.mark.parametrize(
    ("ours", "theirs", "plain", "kind"),
    [
        ("one two", "one, two", "", Kind.SAME),
        ("one two", "one two hidden", "", Kind.UNSEEN),
        ("hidden", "one two hidden", "one two", Kind.MISSING),  # unseen text explains only what is missing
        ("one two", "one two three four", "four three one two", Kind.ALONE),
        ("onetwo", "one two", "onetwo", Kind.SPACES),
        ("one two", "one two three", "one two", Kind.MISSING),
        ("one two three", "one two", "one two three", Kind.EXTRA),
        ("one two three", "one two four", "", Kind.OTHER),
    ],
)
def test_the_kind_of_a_difference_is_found_from_pdfiums_text(ours: str, theirs: str, plain: str, kind: Kind) -> None:
    assert kind_of(ours, theirs, lambda: plain, lambda: "hidden") == kind


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ("the whole text", "the who", Verdict.OURS),
        ("the who", "the whole text", Verdict.THEIRS),
        ("text the whole", "the whole text", Verdict.NEITHER),  # the order does not matter
        ("xyz", "zyx w", Verdict.NEITHER),
    ],
)
def test_ocr_judges_whose_text_is_right(ours: str, theirs: str, verdict: Verdict) -> None:
    assert judge(ours, theirs, "the whole text") == verdict


def test_text_that_is_not_seen_is_found() -> None:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(300, 100))
    canvas.drawString(20, 80, "seen here")
    canvas.setFillAlpha(0)
    canvas.drawString(20, 60, "quite transparent")
    canvas.setFillAlpha(1)
    text = canvas.beginText(20, 40)
    text.setTextRenderMode(3)
    text.textOut("not drawn")
    canvas.drawText(text)
    canvas.drawString(20, 20, "covered")
    canvas.rect(0, 10, 300, 20, fill=1)
    canvas.save()
    page = pdfium.PdfDocument(stored.getvalue())[0]
    assert words(pdfium_text.plain_text(page)) == ["seen", "here", "quite", "transparent", "not", "drawn", "covered"]
    assert words(pdfium_text.unseen_text(page)) == ["quite", "transparent", "not", "drawn", "covered"]


@pytest.mark.parametrize(
    ("rotation", "edges"),
    [(0, (10, 150, 60, 180)), (90, (20, 10, 50, 60)), (180, (40, 20, 90, 50)), (270, (150, 40, 180, 90))],
)
def test_the_crop_box_is_measured_from_the_corner_of_the_turned_page(
    rotation: int, edges: tuple[int, int, int, int]
) -> None:
    assert poppler.displayed((0, 0, 100, 200), (10, 20, 60, 50), rotation) == edges


@needs_poppler
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_poppler_is_asked_for_what_the_crop_box_shows(tmp_path: Path, rotation: int) -> None:
    with pikepdf.open(io.BytesIO(pdfs.text_pages(["first line\nsecond line"]))) as document:
        document.pages[0].mediabox = [-10, -20, 595, 842]
        document.pages[0].cropbox = [50, 735, 400, 800]  # of the first line
        document.pages[0].rotate(rotation, relative=False)
        document.save(tmp_path / "cropped.pdf")
    assert poppler.page_text(tmp_path / "cropped.pdf", 1).split() == ["first", "line"]


def _page(tmp_path: Path, angle: float = 0.0) -> pdfium.PdfPage:
    """A page of 200 × 100 points with two lines of 10 points; a superscript is raised after the first."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(200, 100))
    canvas.rotate(angle)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(20, 70, "first line")
    canvas.drawString(20, 58, "second line")
    canvas.setFont("Helvetica", 6)
    canvas.drawString(65, 74, "note")
    canvas.save()
    return pdfium.PdfDocument(stored.getvalue())[0]


def _block(text: str, top: float, bottom: float) -> Block:
    """A block over these points from the top of the page."""
    return Block(text=text, confidence=1, box=(0.05, top / 100, 0.95, bottom / 100))


def test_printed_lines_are_counted_by_baselines(tmp_path: Path) -> None:
    page = _page(tmp_path)
    assert count_lines(page, [_block("first linenote", 20, 33), _block("second line", 33, 46)]) == [1, 1]
    assert count_lines(page, [_block("first linenote second line", 20, 46)]) == [2]


def test_lines_beside_a_block_are_not_counted_for_it(tmp_path: Path) -> None:
    assert count_lines(_page(tmp_path), [_block("first linenote", 20, 46), _block("nothing here", 60, 90)]) == [0, 0]


def test_slanted_text_is_not_judged(tmp_path: Path) -> None:
    assert count_lines(_page(tmp_path, angle=4), [_block("first line note second line", 10, 50)]) == [0]


def test_a_page_turned_by_a_quarter_is_judged() -> None:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(100, 200))
    canvas.rotate(90)
    for down, line in enumerate(("first line", "second line")):
        canvas.setFont("Helvetica", 10)
        canvas.drawString(20, -50 - 12 * down, line)
    canvas.save()
    page = pdfium.PdfDocument(stored.getvalue())[0]
    whole = Block(text="first line second line", confidence=1, box=(0.3, 0.2, 0.8, 1))
    assert count_lines(page, [whole]) == [2]


def _result(**changed: object) -> PageResult:
    found = {"number": 1, "letters": 1.0, "words": 1.0, "order": 1.0, "our_letters": 100, "their_letters": 100}
    found |= {"missing": "", "extra": "", "seconds": 0.01, "reason": "mode_text", "blocks": 10}
    found |= {"tall_blocks": 0, "tall_cells": 0, "tall_text": ""}
    return PageResult(**{**found, **changed})  # type: ignore[arg-type]


def _file(name: str, **changed: object) -> FileResult:
    return FileResult(file=name, pages=[_result(**changed)])


GOOD = _file("good.pdf")
BAD = _file("bad.pdf", letters=0.9, words=0.5, missing="what | is missing", kind=Kind.MISSING, verdict=Verdict.THEIRS)


def test_the_summary_counts_comparable_pages_only() -> None:
    empty = _file("empty.pdf", letters=0.0, words=0.0, our_letters=0)
    found = report.summary([GOOD, BAD, empty, FileResult(file="locked.pdf", outcome="pdf.encrypted")], least=20)
    assert "| PDFs | 4 |" in found and "| PDFs read | 3 |" in found
    assert "| comparable pages (both found 20 letters or more) | 2 |" in found
    assert "| letters F1 ≥ 0.98 | 50.0 % |" in found and "| words F1 ≥ 0.95 | 50.0 % |" in found
    assert "only `pdftotext` found (20 letters or more) | 1 |" in found


def test_the_worst_page_comes_first_with_its_missing_words() -> None:
    found = report.report([GOOD, _file("better.pdf", words=0.9, kind=Kind.SPACES), BAD], least=20)
    assert (
        "| bad.pdf | 0.900 | 0.500 | 1.00 | slimgest finds less | pdftotext | what \\| is missing |  |\n| better.pdf |"
        in found
    )
    assert "good.pdf" not in found
    assert "| slimgest finds less | 1 | 33.3 % |  | 1 |  |" in found


def test_tall_blocks_and_reasons_are_listed() -> None:
    found = report.report([_file("tall.pdf", tall_blocks=3, tall_text="two lines"), GOOD], least=20)
    assert "| pages on which a block contains several printed lines | 1 of 2 (50.0 %) |" in found
    assert "| tall.pdf | 3 of 10 | two lines |" in found
    assert "| mode_text | 2 |" in found
    timed = report.report([_file("a.pdf", auto="OCR: no_text", auto_s=2.0)], least=20)
    assert "| OCR: no_text | 1 | 2.0000 | 2.000 | 2.0 |" in timed


def test_changes_since_an_earlier_sweep_are_listed_worse_ones_first() -> None:
    before = [_file("a.pdf", words=0.5), _file("b.pdf"), GOOD]
    found = report.report([_file("a.pdf"), _file("b.pdf", words=0.8), GOOD], 20, before).partition("earlier sweep")[2]
    assert found.index("| b.pdf | 1.000 → 1.000 | 1.000 → 0.800 |") < found.index("| a.pdf |")
    assert "good.pdf" not in found


@needs_poppler
def test_a_folder_is_swept_with_a_broken_and_an_encrypted_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prose = "\n".join(pdfs.PROSE)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/right.PDF").write_bytes(pdfs.text_pages([prose, "another page"]))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 of nothing")
    (tmp_path / "locked.pdf").write_bytes(pdfs.text_pages([prose], password="secret"))
    command_line.main([str(tmp_path), "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "| PDFs | 3 |" in printed and "| PDFs read | 1 |" in printed
    assert "| pdf.encrypted | 1 | locked.pdf |" in printed and "| pdf.unreadable | 1 | broken.pdf |" in printed
    assert (tmp_path / "out.md").read_text() in printed
    _, right, _ = command_line.read_json(tmp_path / "out.json")
    (page,) = right.pages
    assert right.file == "deep/right.PDF"
    assert (page.letters, page.words, page.order, page.tall_blocks) == (1, 1, 1, 0)
    assert page.blocks == len(pdfs.PROSE) and page.seconds > 0


class _Eyes:
    """An engine that reads one line, whatever the image shows."""

    name, version, batch_size = "eyes", "1", 1

    def warm_up(self, image: Image) -> None:
        pass

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        return [[OcrLine(text="only seen by its eyes", confidence=1, box=(0, 0, 99, 9))] for _ in images]


@needs_poppler
def test_the_engine_judges_pages_that_differ_and_reads_pages_for_their_time(tmp_path: Path) -> None:
    (tmp_path / "one.pdf").write_bytes(pdfs.text_pages(["\n".join(pdfs.PROSE), ""]))
    reader = PageReader(engine=_Eyes(), worker="", max_pixels=10**7)
    sweeper = Sweeper(reader=reader, options=SweepOptions(pages="1-2", auto=True, judge=True))
    text, blank = sweeper.sweep_file(tmp_path / "one.pdf")
    assert (text.auto, text.kind, text.verdict) == ("text layer: text_layer", Kind.SAME, "")
    assert blank.auto == "text layer: blank" and text.auto_s > 0
    page, _ = sweeper._read(open_pdf(tmp_path / "one.pdf"), Mode.TEXT, 1)
    assert sweeper._judge(open_pdf(tmp_path / "one.pdf"), page, "only seen by its eyes") == Verdict.THEIRS


@needs_poppler
def test_a_file_that_crashes_or_takes_too_long_costs_only_itself(tmp_path: Path) -> None:
    pdf = tmp_path / "one.pdf"
    pdf.write_bytes(pdfs.text_pages(["a page"]))
    process = SweepProcess(SweepOptions())
    try:
        os.kill(process._start().pid, signal.SIGSEGV)
        assert process.sweep(pdf, "one").outcome == "crashed"
        assert process.sweep(pdf, "two").outcome == "read"
        assert process._process
        os.kill(process._process.pid, signal.SIGSEGV)
        assert process.sweep(pdf, "three").outcome == "read", "a file that crashes in a used process is read again"
        process.limit_s = 0
        assert process.sweep(pdf, "four").outcome == "too slow"
        process.limit_s = 60
        assert process.sweep(pdf, "five").outcome == "read"
    finally:
        process.close()


def test_a_folder_without_pdfs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.main([str(tmp_path)])
    assert "no PDF in" in capsys.readouterr().err
