"""Documents in each format."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hocr_tools_lib.tools.hocr_check import Checker
from lxml import etree

from slimgest_celery.formats.registry import FORMATS, PageFormat
from slimgest_celery.formats.zip_archive import zip_stream
from slimgest_celery.layout import word_boxes
from slimgest_celery.layout.analysis import DetectedLine, arrange
from slimgest_celery.layout.word_boxes import Word
from slimgest_celery.models.job import Document, JobStatus, Options
from slimgest_celery.models.page import Block, Page, Paragraph, TableCell
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import now
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.storage.job_files import StoredPage


def _block(text: str, top: float, left: float = 0.1, height: float = 0.02) -> Block:
    return Block(text=text, confidence=1, box=(left, top, left + 0.3, top + height))


def _document(*pages: Page) -> Document:
    moment = now()
    return Document(
        job_id="1",
        filename="a_b.pdf",
        status=JobStatus.COMPLETED,
        total_pages=len(pages),
        options=Options(),
        engine=None,
        created_at=moment,
        completed_at=moment,
        elapsed_seconds=0,
        pages=list(pages),
    )


def _write(form: str, document: Document, **options: Any) -> str:
    writer = FORMATS[form]
    assert isinstance(writer, PageFormat)
    head = document.model_copy(update={"pages": []})
    stored = (StoredPage.from_line(page.model_dump_json().encode()) for page in document.pages)
    return b"".join(writer.chunks(head, stored, FormatOptions(**options))).decode()


def _page(*lines: tuple[str, float, float, float]) -> Page:
    """A page of 600 x 800 with these lines: text, left, top, type size. A character is half as wide as it is high."""
    found = [
        DetectedLine(
            text=text,
            confidence=1,
            size=size,
            box=(left / 600, top / 800, min(1, (left + size * len(text) / 2) / 600), (top + size) / 800),
        )
        for text, left, top, size in lines
    ]
    layout = arrange(found, width=600, height=800)
    return Page(page_number=1, status="ok", text=layout.text, blocks=layout.blocks, paragraphs=layout.paragraphs)


def _markdown(page: Page) -> list[str]:
    """The paragraphs of the page in Markdown."""
    return _write("md", _document(page)).rstrip().split("\n\n")[1:]


def test_words_hyphenated_at_line_ends_are_whole_in_text_and_markdown_but_not_in_blocks() -> None:
    page = _page(
        ("A para-", 60, 100, 10), ("graph of two lines.", 60, 112, 10), ("Anno-", 60, 160, 10), ("Dazumal", 60, 172, 10)
    )
    assert [block.text for block in page.blocks] == ["A para-", "graph of two lines.", "Anno-", "Dazumal"]
    assert _markdown(page) == ["A paragraph of two lines.", "Anno-Dazumal"]
    assert _write("txt", _document(page)) == "A paragraph\nof two lines.\n\nAnno-Dazumal\n\f"


def test_a_compound_that_has_its_hyphen_elsewhere_on_the_page_keeps_it() -> None:
    page = _page(
        ("A short-lived thing, and no other than a", 60, 100, 10),
        ("short-", 60, 112, 10),
        ("lived one it is.", 60, 124, 10),
    )
    assert _markdown(page) == ["A short-lived thing, and no other than a short-lived one it is."]


def test_rows_that_are_not_certainly_a_table_stay_rows() -> None:
    page = _page(("Chapter one . . . . .", 60, 100, 10), ("13", 300, 100, 10), ("Chapter two . . .", 60, 112, 10))
    assert _markdown(page) == ["Chapter one . . . . . 13", "Chapter two . . ."]
    assert _write("txt", _document(page)).startswith("Chapter one . . . . .\t13\n")


def test_few_lines_far_apart_are_separate_paragraphs() -> None:
    page = _page(("The Title", 200, 200, 30), ("A. N. Author", 230, 400, 12), ("London 1901", 230, 700, 12))
    assert _markdown(page) == ["# The Title", "A. N. Author", "London 1901"]


def test_an_initial_several_lines_high_begins_the_first_of_these_lines() -> None:
    texts = ["he harbour was", "quiet when the", "boats"]
    beside = [(text, 100.0, 100.0 + 14 * row, 10.0) for row, text in enumerate(texts)]
    page = _page(("T", 60, 98, 40), *beside, ("came in late again", 60, 142, 10))
    assert _markdown(page) == ["The harbour was quiet when the boats came in late again"]
    assert page.blocks[0].box == pytest.approx((0.1, 98 / 800, 170 / 600, 138 / 800), abs=0.001)


def test_chinese_lines_are_joined_without_a_space() -> None:
    assert _markdown(_page(("东北电气发展", 60, 100, 10), ("股份有限公司", 60, 112, 10))) == [
        "东北电气发展股份有限公司"
    ]


def test_lines_in_larger_type_are_headings() -> None:
    text = [(f"Line {row} of some text that goes on and on", 60.0, 200.0 + 12 * row, 10.0) for row in range(5)]
    page = _page(("1. Large *title*", 60, 60, 20), ("Smaller title", 60, 120, 14), ("Smallest", 60, 160, 12), *text)
    assert _markdown(page)[:3] == ["# 1\\. Large \\*title\\*", "## Smaller title", "### Smallest"]
    assert _markdown(page)[3].startswith("Line 0") and len(_markdown(page)) == 4


def test_aligned_cells_become_a_table() -> None:
    rows = [("Animal", "Place", "Count"), ("Lion", "Park | zoo", "2"), ("Cat", "Home", "13")]
    cells = [(t, 60 + 150.0 * n, 100 + 15.0 * r, 10.0) for r, row in enumerate(rows) for n, t in enumerate(row)]
    page = _page(("Before it.", 60, 60, 10), *cells, ("After it.", 60, 180, 10))
    table = "| Animal | Place | Count |\n|---|---|---|\n| Lion | Park \\| zoo | 2 |\n| Cat | Home | 13 |"
    assert _markdown(page) == ["Before it.", table, "After it."]
    assert "Lion\tPark | zoo\t2\n" in _write("txt", _document(page))


def test_list_items_stay_list_items() -> None:
    items = [("•", "first"), ("•", "second"), ("3.", "third"), ("4.", "fourth"), ("(b)", "fifth")]
    pieces = [(t, 60 + 20.0 * n, 100 + 12.0 * r, 10.0) for r, row in enumerate(items) for n, t in enumerate(row)]
    page = _page(*pieces, ("5. sixth", 60, 160, 10))
    assert _markdown(page) == ["- first", "- second", "3. third", "4. fourth", "(b) fifth", "5. sixth"]


def test_markdown_without_page_comments() -> None:
    document = _document(Page(page_number=1, status="ok", blocks=[_block("Text.", 0.1)]))
    assert "<!-- page 1 -->" in _write("md", document)
    assert _write("md-plain", document) == "Text.\n"


def test_the_title_from_the_file_name_is_an_option_and_lowers_the_headings() -> None:
    text = [(f"Line {row} of some text that goes on and on", 60.0, 200.0 + 12 * row, 10.0) for row in range(5)]
    document = _document(_page(("A heading", 60, 60, 20), *text))
    assert _write("md-plain", document).startswith("# A heading\n\nLine 0")
    assert _write("md-plain", document, title="filename").startswith("# a\\_b.pdf\n\n## A heading\n\nLine 0")
    assert "<h1>A heading</h1>" in _write("html", document)
    assert "<h1>a_b.pdf</h1>" in (titled := _write("html", document, title="filename")) and "<h2>A heading" in titled


@pytest.mark.parametrize("form", ["md", "md-plain", "html", "txt"])
def test_a_document_without_pages_and_one_with_empty_pages_can_be_written(form: str) -> None:
    empty = [Page(page_number=n, status="ok") for n in (1, 2)]
    assert "None" not in _write(form, _document()) + _write(form, _document(*empty))
    assert _write("md", _document(*empty)) == "<!-- page 1 -->\n\n<!-- page 2 -->\n"
    assert _write("md-plain", _document(*empty, Page(page_number=3, status="ok", blocks=[_block("end", 0.1)]))) == (
        "end\n"
    )


def test_markdown_has_page_comments_escaped_text_and_error_codes() -> None:
    good = Page(page_number=1, status="ok", blocks=[_block("# not *a* heading", 0.1)])
    bad = Page(page_number=2, status="failed", error=Problem(code="page.timeout", message="It took too long."))
    assert _write("md", _document(good, bad)) == (
        "<!-- page 1 -->\n\n\\# not \\*a\\* heading\n"
        "\n<!-- page 2 -->\n\n> Page 2 could not be read: It took too long. (`page.timeout`)\n"
    )


def test_plain_text_has_a_form_feed_after_each_page() -> None:
    pages = [Page(page_number=n, status="ok", text=f"page {n}") for n in (1, 2)]
    assert _write("txt", _document(*pages)) == "page 1\n\fpage 2\n\f"


def test_json_equals_the_serialised_document() -> None:
    for count in (0, 1, 3):
        pages = [Page(page_number=n, status="ok", text='x "pages":[]') for n in range(1, count + 1)]
        document = _document(*pages)
        assert _write("json", document) == document.model_dump_json()


def test_ndjson_has_a_line_for_each_page() -> None:
    pages = [Page(page_number=n, status="ok", text="two\nlines") for n in (1, 2)]
    lines = _write("ndjson", _document(*pages)).splitlines()
    assert [Page.model_validate_json(line) for line in lines] == pages


TEXT_FORMATS = [name for name, form in FORMATS.items() if isinstance(form, PageFormat) and name != "csv"]

# --- Formats with boxes ---

FAILED = Page(page_number=3, status="failed", error=Problem(code="page.timeout", message="It took <too> long."))
EVERYTHING = _document(
    _page(
        ("A heading", 60, 50, 20),
        ("Some text & more of <it>", 60, 100, 10),
        ("on two lines \x00\x0b\ufffe.", 60, 112, 10),
        *((t, 60 + 150.0 * n, 200 + 15.0 * r, 10.0) for r in range(3) for n, t in enumerate(["one", "two", "three"])),
    ).model_copy(update={"width": 600, "height": 800}),
    Page(page_number=2, status="ok", width=600, height=800, turned=90, blocks=[_block("Read upwards.", 0.1)]),
    FAILED,
    Page(page_number=4, status="ok", width=600, height=800),
)


def _xml(form: str, document: Document) -> etree._Element:
    return etree.fromstring(_write(form, document).encode())


def _hocr(element: etree._Element, name: str) -> list[etree._Element]:
    found: list[etree._Element] = element.xpath(f".//*[@class='{name}']")
    return found


def _bbox(element: etree._Element) -> list[int]:
    match = re.match(r"bbox (\d+) (\d+) (\d+) (\d+)(;|$)", element.get("title"))
    assert match, element.get("title")
    return [int(edge) for edge in match.groups()[:4]]


def test_hocr_contains_words_in_lines_in_paragraphs_in_pages() -> None:
    root = _xml("hocr", EVERYTHING)
    pages = _hocr(root, "ocr_page")
    assert [page.get("id") for page in pages] == ["page_1", "page_2", "page_3", "page_4"]
    (names,) = root.xpath("//*[local-name()='meta'][@name='ocr-capabilities']/@content")
    classes = set(root.xpath("//@class"))
    assert classes | {"ocrp_wconf"} == set(names.split()), "the capabilities are those used"
    assert len(set(root.xpath("//@id"))) == len(root.xpath("//@id"))
    lines = ["A heading", "Some text & more of <it>", "on two lines \ufffd \ufffd.", "one", "two", "three"]
    assert ["".join(line.itertext()) for line in _hocr(pages[0], "ocr_line")][:6] == lines
    for inner, outer in (("ocrx_word", "ocr_line"), ("ocr_line", "ocr_par"), ("ocr_par", "ocr_carea")):
        for element in _hocr(root, inner):
            left, top, right, bottom = _bbox(element)
            frame = _bbox(element.xpath(f"./ancestor::*[@class='{outer}']")[0])
            assert frame[0] <= left < right <= frame[2] and frame[1] <= top < bottom <= frame[3]
    assert "It took <too> long. (page.timeout)" in "".join(pages[2].itertext())
    assert "textangle 90" in _hocr(pages[1], "ocr_line")[0].get("title")


def test_hocr_tools_accept_the_hocr(capsys: pytest.CaptureFixture[str]) -> None:
    single = _document(EVERYTHING.pages[0])  # its check of overlaps ignores pages
    for document, no_overlap in ((EVERYTHING, True), (single, False)):
        Checker(io.BytesIO(_write("hocr", document).encode()), no_overlap=no_overlap).check()
    said = capsys.readouterr().err.splitlines()
    assert len(said) > 20
    assert [line for line in said if not line.startswith("ok ")] == []


# The part of ALTO 4 that is used, according to the schema at loc.gov/standards/alto.
ALTO = """
<!ELEMENT alto (Description?, Tags?, Layout)>
<!ATTLIST alto xmlns CDATA #FIXED "http://www.loc.gov/standards/alto/ns-v4#" SCHEMAVERSION CDATA #IMPLIED>
<!ELEMENT Description (MeasurementUnit, sourceImageInformation?, Processing*)>
<!ELEMENT MeasurementUnit (#PCDATA)>
<!ELEMENT sourceImageInformation (fileName?)>
<!ELEMENT fileName (#PCDATA)>
<!ELEMENT Processing
  (processingDateTime?, processingStepDescription*, processingSoftware?)>
<!ATTLIST Processing ID ID #REQUIRED>
<!ELEMENT processingDateTime (#PCDATA)>
<!ELEMENT processingStepDescription (#PCDATA)>
<!ELEMENT processingSoftware (softwareName?, softwareVersion?)>
<!ELEMENT softwareName (#PCDATA)>
<!ELEMENT softwareVersion (#PCDATA)>
<!ELEMENT Tags (StructureTag)*>
<!ELEMENT StructureTag EMPTY>
<!ATTLIST StructureTag ID ID #REQUIRED LABEL CDATA #REQUIRED>
<!ELEMENT Layout (Page+)>
<!ELEMENT Page (PrintSpace?)>
<!ATTLIST Page ID ID #REQUIRED PHYSICAL_IMG_NR NMTOKEN #REQUIRED WIDTH NMTOKEN #IMPLIED HEIGHT NMTOKEN #IMPLIED
  QUALITY (OK | Missing | Damaged) #IMPLIED QUALITY_DETAIL CDATA #IMPLIED>
<!ENTITY % place "HPOS NMTOKEN #REQUIRED VPOS NMTOKEN #REQUIRED WIDTH NMTOKEN #REQUIRED HEIGHT NMTOKEN #REQUIRED">
<!ELEMENT PrintSpace (TextBlock)*>
<!ATTLIST PrintSpace %place;>
<!ELEMENT TextBlock (TextLine)*>
<!ATTLIST TextBlock ID ID #REQUIRED %place; TAGREFS IDREFS #IMPLIED ROTATION NMTOKEN #IMPLIED>
<!ELEMENT TextLine (String, (SP, String)*)>
<!ATTLIST TextLine ID ID #REQUIRED %place;>
<!ELEMENT String EMPTY>
<!ATTLIST String ID ID #REQUIRED %place; CONTENT CDATA #REQUIRED WC NMTOKEN #IMPLIED>
<!ELEMENT SP EMPTY>
"""


@pytest.mark.parametrize("document", [EVERYTHING, _document()], ids=["everything", "no page"])
def test_alto_has_the_structure_of_its_schema(document: Document) -> None:
    dtd = etree.DTD(io.StringIO(ALTO))
    root = etree.fromstring(_write("alto", document).encode())
    assert dtd.validate(root), dtd.error_log
    for number in root.xpath("//@HPOS | //@VPOS | //@WIDTH | //@HEIGHT | //@ROTATION"):
        assert 0 <= int(number) <= 800
    assert all(0 <= float(confidence) <= 1 for confidence in root.xpath("//@WC"))
    for placed in root.xpath("//*[@HPOS]"):
        assert int(placed.get("HPOS")) + int(placed.get("WIDTH")) <= 600


@pytest.mark.skipif(
    "ALTO_XSD" not in os.environ, reason="ALTO_XSD names no copy of alto-4-4.xsd (loc.gov/standards/alto)"
)
@pytest.mark.parametrize("document", [EVERYTHING, _document()], ids=["everything", "no page"])
def test_alto_validates_against_the_schema(document: Document) -> None:
    schema = _schema(Path(os.environ["ALTO_XSD"]))
    schema.assertValid(etree.fromstring(_write("alto", document).encode()))
    with pytest.raises(etree.DocumentInvalid):
        schema.assertValid(etree.fromstring(_write("alto", document).replace("PHYSICAL_IMG_NR", "NUMBER").encode()))


def _schema(path: Path) -> etree.XMLSchema:
    """ALTO's schema without its import of XLink, which would be downloaded. No XLink attribute is used."""
    text = re.sub(rb"<xsd:import [^>]*/>", b"", path.read_bytes())
    links = rb"<xsd:attributeGroup ref=.xlink:\w+.(/>|>.*?</xsd:attributeGroup>)"
    return etree.XMLSchema(etree.fromstring(re.sub(links, b"", text, flags=re.DOTALL)))


def test_alto_contains_headings_tables_rotation_and_the_reason_of_a_failed_page() -> None:
    root = _xml("alto", EVERYTHING)
    space = {"a": "http://www.loc.gov/standards/alto/ns-v4#"}
    pages = root.findall(".//a:Page", space)
    assert [page.get("PHYSICAL_IMG_NR") for page in pages] == ["1", "2", "3", "4"]
    first = [block.get("TAGREFS") for block in pages[0].findall(".//a:TextBlock", space)]
    assert first == ["heading", None, "table"]
    assert [s.get("CONTENT") for s in pages[0].findall(".//a:String", space)][:4] == ["A", "heading", "Some", "text"]
    assert pages[2].get("QUALITY_DETAIL") == "It took <too> long. (page.timeout)"
    assert pages[1].find(".//a:TextBlock", space).get("ROTATION") == "90"


@pytest.mark.parametrize("form", TEXT_FORMATS)
def test_a_page_that_a_format_cannot_write_is_replaced_by_an_error_and_the_others_stay(form: str) -> None:
    cells = [TableCell(row=0, column=0, blocks=[7])]  # the page has no block 7
    table = Paragraph(kind="table", first=0, last=0, cells=cells)
    broken = Page(page_number=2, status="ok", blocks=[_block("lost", 0.1)], paragraphs=[table])
    written = _write(
        form, _document(EVERYTHING.pages[0], broken, EVERYTHING.pages[3].model_copy(update={"text": "end"}))
    )
    assert "heading" in written
    if form in ("md", "md-plain", "txt", "html"):
        assert "cannot be written in this format" in written
        assert form != "txt" or written.endswith("\n\fend\n\f")
    elif form == "chunks":
        assert "lost" not in written
    else:  # the other formats do not use cells
        assert "lost" in written


def test_a_zip_is_written_as_a_stream_of_pieces() -> None:
    files = [("a.json", [b"{}", b" " * 100_000]), ("b.txt", [b"text"] * 3)]
    pieces = list(zip_stream(files, now()))
    assert len(list(filter(None, pieces))) > 3 and max(map(len, pieces)) < 1000
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.json", "b.txt"]
        assert archive.read("b.txt") == b"texttexttext" and len(archive.read("a.json")) == 100_002


LONG_PAGE = Page(
    page_number=1,
    status="ok",
    text="\n".join(["a b " * 1000] * 60),
    width=600,
    height=800,
    blocks=[_block("a b " * 1000, 0.1)] * 60,
)


@pytest.mark.parametrize("form", TEXT_FORMATS)
def test_a_page_is_written_in_pieces_smaller_than_the_page(form: str) -> None:
    writer, stored = FORMATS[form], StoredPage.from_line(LONG_PAGE.model_dump_json().encode())
    assert isinstance(writer, PageFormat)
    pieces = list(writer.chunks(_document(), [stored]))
    assert max(map(len, pieces)) <= 1 << 15 and sum(map(len, pieces)) > 240_000
    assert b"".join(pieces).count(b"b ") + b"".join(pieces).count(b">b<") + b"".join(pieces).count(b'b"') >= 60_000


@pytest.mark.parametrize("form", ["hocr", "alto"])
def test_a_long_page_that_fails_at_its_end_is_replaced_whole(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    last = LONG_PAGE.blocks[-1].model_copy(update={"text": "the last line"})
    page = LONG_PAGE.model_copy(update={"blocks": [*LONG_PAGE.blocks, last]})

    def words(block: Block, rotation: int) -> Iterator[Word]:
        if block.text == "the last line":
            raise ValueError("a bug")
        return word_boxes.words(block, rotation)

    monkeypatch.setattr(f"slimgest_celery.formats.{form}.words", words)
    written = _write(form, _document(page, EVERYTHING.pages[3]))
    etree.fromstring(written.encode())
    assert "cannot be written in this format" in written and len(written) < 3000
