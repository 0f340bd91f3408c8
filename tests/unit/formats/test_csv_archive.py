"""The ZIP of tables: names, what a spreadsheet would calculate, and a document without tables."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest

from slimgest_celery.models.page import Page
from tests.support.drawn_documents import document, drawn_page, write_bytes


def files(*pages: Page) -> dict[str, list[list[str]]]:
    with zipfile.ZipFile(io.BytesIO(write_bytes("csv", document(*pages)))) as archive:
        assert archive.testzip() is None
        return {
            name: list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")))
            for name in archive.namelist()
        }


def test_each_table_is_a_file_with_its_page_and_number() -> None:
    table = [["Name", "Text"], ['a "quoted", b', "line"], ["", "漢字"]]
    found = files(
        drawn_page(1, ("text", "None here.")),
        drawn_page(12, table, ("text", "x"), [["1", "2"], ["3", "4"]], ("text", "x")),
    )
    assert list(found) == ["page-0012-table-1.csv", "page-0012-table-2.csv", "tables.csv"]
    assert found["page-0012-table-1.csv"] == table
    assert found["tables.csv"][1:] == [
        ["page-0012-table-1.csv", "12", "12", "3", "2"],
        ["page-0012-table-2.csv", "12", "12", "2", "2"],
    ]


def test_a_document_without_tables_says_so() -> None:
    for pages in ((), (drawn_page(1, ("text", "Text.")),)):
        found = files(*pages)
        assert list(found) == ["tables.csv", "no-tables.txt"] and len(found["tables.csv"]) == 1
        assert found["no-tables.txt"] == [["No table was found in this document."]]


@pytest.mark.parametrize(
    "text", ["=1+1", '=HYPERLINK("http://x")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "＝1", "-A1", "@"]
)
def test_a_spreadsheet_calculates_no_cell(text: str) -> None:
    found = files(drawn_page(1, [["a", "b"], [text, "x"]]))["page-0001-table-1.csv"]
    assert found[1] == [f"'{text}", "x"]


@pytest.mark.parametrize(
    "text", ["-5", "+3.25", "-1,234.50", "−7", "-12 %", "+49 30 123456", "-", "--", "(12)", "-$5", "a=b", "12-"]
)
def test_numbers_with_a_sign_and_ordinary_text_stay_as_they_are(text: str) -> None:
    assert files(drawn_page(1, [["a", "b"], [text, "x"]]))["page-0001-table-1.csv"][1] == [text, "x"]
