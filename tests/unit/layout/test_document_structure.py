"""Running headers and footers, and heading levels, which only all pages of a document show."""

from __future__ import annotations

from collections.abc import Sequence

from slimgest_celery.layout.document_structure import find_structure
from slimgest_celery.models.page import Block, Page, Paragraph, Region, RegionKind, Source

_Line = tuple[str, float]  # text, top


def _page(number: int, lines: Sequence[_Line], source: Source = Source.TEXT_LAYER, turned: int = 0) -> Page:
    """A page on which all lines are one paragraph."""
    boxes = [(0.1, top, 0.8, top + 0.012) for _, top in lines]
    if turned == 90:  # as displayed, the page lies on its left side
        boxes = [(top, 1 - right, bottom, 1 - left) for left, top, right, bottom in boxes]
    blocks = [Block(text=text, confidence=1, box=box) for (text, _), box in zip(lines, boxes, strict=True)]
    region = Region(kind=RegionKind.TEXT, confidence=1, box=(0, 0, 1, 1), first=0, last=len(lines) - 1)
    return Page(
        page_number=number,
        status="ok",
        source=source,
        turned=turned,
        blocks=blocks,
        paragraphs=[Paragraph(first=0, last=len(lines) - 1)],
        regions=[region],
    )


def _book(count: int, **options: object) -> list[Page]:
    return [
        _page(
            number,
            [
                ("Owls of the North" if number % 2 else "Chapter 2. Feathers", 0.04),
                (f"Sentence {'abcdefgh'[number]} begins at the top of the page", 0.08),
                ("and goes on.", 0.5),
                (str(number + 12), 0.95),
            ],
            **options,  # type: ignore[arg-type]
        )
        for number in range(1, count + 1)
    ]


def _running(page: Page) -> list[tuple[str, str]]:
    return [
        (region.kind.value, page.blocks[region.first].text)
        for region in page.regions
        if region.kind in (RegionKind.HEADER, RegionKind.FOOTER) and region.first is not None
    ]


def test_headers_of_left_and_right_pages_and_page_numbers_are_running_lines() -> None:
    pages = _book(6)
    structure = find_structure(pages)
    for number, page in enumerate(pages, 1):
        header = "Owls of the North" if number % 2 else "Chapter 2. Feathers"
        assert _running(structure.apply(page)) == [("header", header), ("footer", str(number + 12))]


def test_running_lines_are_paragraphs_and_regions_of_their_own_and_nothing_is_lost() -> None:
    pages = _book(5)
    page = find_structure(pages).apply(pages[2])
    assert [(one.first, one.last) for one in page.paragraphs] == [(0, 0), (1, 2), (3, 3)]
    assert [(one.first, one.last) for one in page.regions] == [(0, 0), (1, 2), (3, 3)]
    assert page.regions[1].kind == RegionKind.TEXT
    assert page.regions[1].box == (0.1, 0.08, 0.8, 0.512)


def test_the_lines_of_a_turned_page_run_along_its_upright_edges() -> None:
    pages = _book(5, turned=90)
    page = find_structure(pages).apply(pages[0])
    assert _running(page) == [("header", "Owls of the North"), ("footer", "13")]


def test_a_header_that_ocr_has_read_with_an_error_is_still_one() -> None:
    pages = [
        _page(number, [(text, 0.04), (f"text {'abc'[number]}", 0.5)], Source.OCR)
        for number, text in enumerate(["Owls of the North", "Owls ot the North", "Owls of tne North"])
        if number
    ]
    assert _running(find_structure(pages).apply(pages[0])) == [("header", "Owls ot the North")]


def test_text_that_does_not_repeat_is_no_header() -> None:
    pages = [
        _page(number, [(f"The {['first', 'second', 'third', 'fourth'][number]} line", 0.05), ("rest", 0.5)])
        for number in range(4)
        if number
    ]
    structure = find_structure(pages)
    assert [structure.apply(page) for page in pages] == pages


def test_the_same_form_on_each_page_has_no_header() -> None:
    rows = [("Order form", 0.03), ("Name of customer", 0.06), ("Street and town", 0.09), ("Date of order", 0.12)]
    pages = [_page(number, [*rows, (f"item {'abcde'[number]}", 0.5)]) for number in range(1, 5)]
    structure = find_structure(pages)
    assert [structure.apply(page) for page in pages] == pages


def test_a_header_that_only_one_page_shows_is_text() -> None:
    page = _page(1, [("Letterhead", 0.04), ("Dear all,", 0.3)])
    header = Region(kind=RegionKind.HEADER, confidence=0.8, box=(0.1, 0.04, 0.8, 0.052), first=0, last=0)
    text = Region(kind=RegionKind.TEXT, confidence=0.9, box=(0.1, 0.3, 0.8, 0.312), first=1, last=1)
    page = page.model_copy(update={"regions": [header, text]})
    assert [one.kind for one in find_structure([page]).apply(page).regions] == [RegionKind.TEXT, RegionKind.TEXT]


def test_levels_are_those_of_the_document() -> None:
    def page(number: int, size: float, level: int) -> Page:
        block = Block(text="Heading", confidence=1, box=(0.1, 0.3, 0.4, 0.33))
        title = Region(kind=RegionKind.TITLE, confidence=1, box=block.box, first=0, last=0, type_size=size)
        heading = Paragraph(kind="heading", level=level, first=0, last=0)
        return Page(page_number=number, status="ok", blocks=[block], paragraphs=[heading], regions=[title])

    pages = [page(1, 24, 1), page(2, 16, 1), page(3, 12, 1), page(4, 16, 2)]
    structure = find_structure(pages)
    assert [structure.apply(one).paragraphs[0].level for one in pages] == [1, 2, 3, 2]
