"""The benchmarks: their tables, missed targets and arithmetic."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from benchmarks import bench
from benchmarks.measures import documents
from benchmarks.support import drawn, report
from benchmarks.support.bare import read_pages, reader
from benchmarks.support.report import About
from benchmarks.support.resources import Resources
from benchmarks.support.rows import NotMeasured, RedisCost, Row, Target, growth, not_measured, ratios
from benchmarks.support.stream_clients import StreamClient, count_lost_and_duplicate
from slimgest_celery.reading.blank_page import is_blank
from tests.support import pdfs
from tests.support.stack import ROOT

FAST = Row(measure="m", what="Speed", figure=0.98, target=Target(bound=0.97), runs=3, detail="1–2 | 3")
SLOW = Row(measure="m", what="Delay", figure=61.4, unit="ms", target=Target(bound=50, at_least=False), runs=3)
ABSENT = not_measured("m", "Peer", "not installed: gs")
CURVE = Row(measure="m", what="Growth", figure=1.0, runs=1, points=((1, 2.0), (10, 2.0)), axes=("pages", "ms"))
ABOUT = About(date="2026-03-14", minutes=14.2, scale=1, machine="a machine", versions={"python": "3.11"})


def test_a_missed_target_is_marked_in_the_table_and_listed_above_it() -> None:
    page = report.page([FAST, SLOW, ABSENT], ABOUT, {"m": "A measure"}, {"m": "How it is made."})
    assert "1 of 2 targets are met." in page
    assert "- **Missed:** Delay: 61.4 ms, target ≤ 50" in page
    assert "| Speed | 0.98 | ≥ 0.97 | met | 0 | 3 | 1–2 \\| 3 |" in page
    assert "| Delay | 61.4 ms | ≤ 50 | **missed** | 0 | 3 |  |" in page
    assert "**A measure.** How it is made." in page and "2026-03-14, 14.2 minutes. Machine: a machine." in page


def test_a_measure_that_was_not_made_is_a_row_with_its_reason() -> None:
    page = report.page([ABSENT], ABOUT, {}, {})
    assert "| Peer | – | | not measured | | | not installed: gs |" in page
    assert "- Not measured: Peer: not installed: gs" in page and "0 of 0 targets" in page


def test_a_row_with_a_failure_misses_its_target() -> None:
    failed = Row(measure="m", what="Speed", figure=2.0, target=Target(bound=1), failures=1)
    assert failed.met is False and "target ≥ 1 (1 failures)" in report.verdict([failed])


def test_the_bound_itself_is_met_and_a_row_without_target_is_neither_met_nor_missed() -> None:
    assert Target(bound=5).met_by(5) and Target(bound=5, at_least=False).met_by(5)
    assert CURVE.met is None and ABSENT.met is None


def test_the_report_of_a_trial_is_marked() -> None:
    about = About(date="", minutes=1, scale=0.1, machine="", versions={})
    assert "do not rely on its figures" in report.page([FAST], about, {}, {})
    assert "do not rely on its figures" not in report.page([FAST], ABOUT, {}, {})


def test_page_json_and_plots_are_written(tmp_path: Path) -> None:
    report.write(tmp_path / "out", [FAST, SLOW, CURVE, ABSENT], ABOUT, {}, {})
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [row["met"] for row in results["rows"]] == [True, False, None, None]
    assert results["rows"][2]["points"] == [[1, 2.0], [10, 2.0]] and results["about"]["machine"] == "a machine"
    for plot in ("speed.png", "growth.png"):
        assert (tmp_path / "out" / plot).read_bytes().startswith(b"\x89PNG")


def test_the_share_of_a_target_is_larger_for_a_better_figure() -> None:
    assert report.shares([FAST, SLOW]) == [("Speed", 0.98 / 0.97, True), ("Delay", 50 / 61.4, False)]


def test_ratios_and_growth() -> None:
    assert ratios([1.0, 2.0], [2.0, 1.0]) == [2.0, 0.5]
    assert growth(((10, 4.0), (100, 1.0), (1000, 1.5))) == 1.5


def test_the_cost_of_a_page_and_of_a_task_follow_from_two_runs() -> None:
    page_s, task_s = 20e-6, 150e-6
    cost = RedisCost.solve((page_s + task_s / 64, 1 / 64), (page_s + task_s, 1.0))
    assert cost.page_s == pytest.approx(page_s) and cost.task_s == pytest.approx(task_s)
    assert cost.pages_per_s(10) == pytest.approx(1 / 35e-6)


def test_a_measure_repeats_only_within_its_share_of_the_time(tmp_path: Path) -> None:
    assert list(Resources(tmp_path, seconds=0).runs(most=5)) == [0]
    assert list(Resources(tmp_path, seconds=60).runs(most=3)) == [0, 1, 2]
    assert list(Resources(tmp_path, seconds=60).runs(most=3, until=0)) == [0]
    assert Resources(tmp_path, seconds=60, scale=0.01).size(2000, least=100) == 100


def test_a_measure_that_fails_or_cannot_run_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        __name__, TITLE = "benchmarks.measures.broken", "A measure"

        def __init__(self, error: Exception) -> None:
            self.error = error

        def measure(self, resources: Resources) -> list[Row]:
            raise self.error

    resources = Resources(tmp_path, seconds=1)
    (absent,) = bench._run_measure(Broken(NotMeasured("no gs")), resources)  # type: ignore[arg-type]
    (broken,) = bench._run_measure(Broken(ValueError("oh")), resources)  # type: ignore[arg-type]
    assert (absent.measure, absent.what, absent.detail) == ("broken", "A measure", "no gs")
    assert broken.figure is None and broken.detail == "it failed: ValueError: oh" and "oh" in capsys.readouterr().err


def test_every_measure_has_a_share_of_the_time_a_title_and_an_explanation() -> None:
    files = {path.stem for path in (ROOT / "benchmarks" / "measures").glob("*.py")} - {"__init__"}
    assert set(bench.NAMES) == files and not set(bench.GROUPS) & files
    assert {module for group in bench.GROUPS.values() for module in group} == set(bench.MEASURES) - {documents}
    assert sum(bench.MEASURES.values()) <= 900, "seconds of fifteen minutes"
    assert all(module.TITLE and bench._how(module) for module in bench.MEASURES)
    assert all(inspect.signature(module.measure).parameters.keys() == {"resources"} for module in bench.MEASURES)


def test_a_measure_that_does_not_start_in_time_is_not_measured() -> None:
    (row,) = bench.run([bench.NAMES["text"]], minutes=-1, scale=1, corpus=None)
    assert row.figure is None and row.detail == "the -1 minutes had passed"


def test_measures_are_selected_by_name_or_by_group() -> None:
    assert bench.select_measures([]) == [module for module in bench.MEASURES if module is not documents]
    assert bench.select_measures(["documents"]) == [documents]
    assert [bench.name(module) for module in bench.select_measures(["growth", "start"])] == [
        "dispatch", "fairness", "fanout", "sizes", "start"
    ]  # fmt: skip


def test_documents_are_measured_only_where_a_folder_is_named(tmp_path: Path) -> None:
    (row,) = documents.measure(Resources(tmp_path, 1.0))
    assert row.figure is None and "DOCUMENTS=folder" in row.detail


def test_an_id_that_a_client_lacks_is_lost_and_an_id_received_twice_is_a_duplicate() -> None:
    whole = [b"1-0", b"2-0", b"3-0"]
    assert count_lost_and_duplicate([whole, whole, whole]) == (0, 0)
    assert count_lost_and_duplicate([whole, whole, [b"1-0", b"3-0", b"3-0"]]) == (1, 1)


def test_a_client_parses_ids_from_a_stream_that_arrives_byte_by_byte() -> None:
    client = StreamClient(sock=None)  # type: ignore[arg-type]
    sent = b"HTTP/1.1 200 OK\r\n\r\nc\r\nretry:2000\n\n\r\n19\r\nevent:page\ndata:{}\nid:12-0\n\n\r\n"
    sent += b"1d\r\nevent:complete\ndata:{}\nid:13-4\n\n"
    for place in range(len(sent)):
        assert not client.ended
        client.feed(sent[place : place + 1])
    assert client.ids == [b"12-0", b"13-4"] and client.started and client.ended


def test_a_closed_connection_ends_the_stream() -> None:
    client = StreamClient(sock=None)  # type: ignore[arg-type]
    client.feed(b"")
    assert client.ended and client.ids == []


def test_the_bare_loop_reads_every_page_and_counts_failures(tmp_path: Path) -> None:
    path = tmp_path / "two.pdf"
    path.write_bytes(pdfs.text_pages(["first", "second"]))
    answer = read_pages(reader("text"), str(path), [1, 2], 150)
    assert answer.texts == ["first", "second"] and answer.failures == 0

    def fails(page: pdfium.PdfPage, dpi: float) -> str:
        raise ValueError("no")

    assert read_pages(fails, str(path), [1, 2], 150).failures == 2


def test_drawn_books_and_scans_have_the_requested_number_of_pages(tmp_path: Path) -> None:
    assert len(pdfium.PdfDocument(drawn.book(3))) == len(pdfium.PdfDocument(drawn.tiny(3))) == 3
    (image,) = [page.render(scale=0.5).to_numpy() for page in pdfium.PdfDocument(drawn.tiny(1))]
    assert not is_blank(image, dpi=36), "no engine would read it"
    scans = drawn.scans(tmp_path / "drawn.pdf", None, pages=2)
    pdf = pdfium.PdfDocument(scans.path)
    assert len(pdf) == scans.pages == 2 and pdf[0].get_textpage().count_chars() == 0
    assert drawn.prose(2, 3, seed=1) == drawn.prose(2, 3, seed=1) != drawn.prose(2, 3, seed=2)


def test_real_scans_are_repeated_in_order_and_rotated_ones_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "corpus" / "scanned"
    folder.mkdir(parents=True)
    for name, pages in (("a", 2), ("b", 1), ("c_rotated_90", 1), ("without_truth", 1)):
        (folder / f"{name}.pdf").write_bytes(pdfs.numbered(pages))
        if name != "without_truth":
            (folder / f"{name}.gt.txt").write_text("\f".join(f"{name}{n}" for n in range(pages)))
    scans = drawn.scans(tmp_path / "scans.pdf", tmp_path / "corpus", pages=5)
    assert scans.truth == ["a0", "a1", "b0", "a0", "a1"] and len(pdfium.PdfDocument(scans.path)) == 5
    assert scans.origin == "3 upright pages of corpus/scanned, 5 in all"
