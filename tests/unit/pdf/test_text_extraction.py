"""Text layers in many scripts and directions, with hidden text and cells, in PDFs drawn here."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.pdf.text_line import TextLine
from slimgest_celery.reading.page_text import PageText

WIDTH, HEIGHT = 600, 800


def _drawn(draw: Callable[[Canvas], None], **keys: object) -> bytes:
    """A page of 600 x 800 points drawn by `draw`, with these entries set."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(WIDTH, HEIGHT))
    draw(canvas)
    canvas.save()
    changed = io.BytesIO()
    with pikepdf.open(stored) as pdf:
        for name, value in keys.items():
            pdf.pages[0].obj[f"/{name}"] = value
        pdf.save(changed)
    return changed.getvalue()


def _lines(tmp_path: Path, content: bytes) -> tuple[list[TextLine], float, float]:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    pdf = open_pdf(path)
    with pdf.page(1) as page:
        found = page.text_lines(), page.width_pt, page.height_pt
    pdf.close()
    return found


def _read(tmp_path: Path, content: bytes) -> PageText:
    lines, width, height = _lines(tmp_path, content)
    return PageText.from_text_layer(lines, width, height)


def _with_unicode(texts: list[str]) -> bytes:
    """Lines of any Unicode text: the bytes "ABC…" in a Latin font, with a ToUnicode map to the text."""
    drawn = _drawn(
        lambda canvas: [
            canvas.drawString(100, 700 - 30 * row, "".join(chr(65 + n) for n in _codes(texts, row)))
            for row in range(len(texts))
        ]
    )
    letters = [letter for text in texts for letter in text]
    entries = "".join(
        f"<{65 + code:02x}> <{letter.encode('utf-16-be').hex()}>\n" for code, letter in enumerate(letters)
    )
    to_unicode = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <ff> endcodespacerange\n{len(letters)} beginbfchar\n{entries}endbfchar\n"
        "endcmap end end"
    )
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(drawn)) as pdf:
        for font in pdf.pages[0].obj.Resources.Font.values():
            font.ToUnicode = pdf.make_stream(to_unicode.encode())
        pdf.save(stored)
    return stored.getvalue()


def _codes(texts: list[str], row: int) -> range:
    before = sum(map(len, texts[:row]))
    return range(before, before + len(texts[row]))


def test_chinese_is_read_in_order_with_boxes(tmp_path: Path) -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))

    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 12)
        canvas.drawString(60, 700, "东北电气发展股份有限公司")
        canvas.drawString(60, 680, "第一季度报告全文")

    read = _read(tmp_path, _drawn(draw))
    assert read.layout.text == "东北电气发展股份有限公司\n第一季度报告全文"
    assert read.layout.blocks[0].box == pytest.approx((0.1, 0.11, 0.34, 0.13), abs=0.01)
    assert len(read.layout.paragraphs) == 1


def test_arabic_is_returned_in_logical_order(tmp_path: Path) -> None:
    # Drawn from left to right as it looks, the last letter first, as most programs write it.
    said = "سلام"
    assert _read(tmp_path, _with_unicode([said[::-1]])).layout.text == said


@pytest.mark.parametrize(
    ("drawn", "said"),
    [  # from left to right as they look: numbers and Latin words as they are, brackets as they open and close
        ("אטוח 1948 תנש", "שנת 1948 חוטא"),
        ("03-1234567 ןופלט", "טלפון 03-1234567"),
        ("םויה London ב רג ינא", "אני גר ב London היום"),
        ("טסקט (םיירגוס)", "(סוגריים) טקסט"),
        ("يداليم ٢٠٢٣ ماع", "عام ٢٠٢٣ ميلادي"),
    ],
)
def test_numbers_latin_words_and_brackets_in_hebrew_and_arabic_keep_their_order(
    tmp_path: Path, drawn: str, said: str
) -> None:
    assert _read(tmp_path, _with_unicode([drawn])).layout.text == said


@pytest.mark.parametrize(
    ("drawn", "said"),
    [("(רבמטפס)", "(ספטמבר)"), (")רבמטפס(", "(ספטמבר)"), ("(רבמטפס(", "(ספטמבר)"), ("«טקסט« «אחר»", "«רחא» «טסקט»")],
)
def test_brackets_in_hebrew_open_and_close(tmp_path: Path, drawn: str, said: str) -> None:
    assert _read(tmp_path, _with_unicode([drawn])).layout.text == said


def test_arabic_presentation_forms_become_letters(tmp_path: Path) -> None:
    shown = "\ufea1\ufe92\ufebb"  # final hah, medial beh, initial sad: drawn left to right
    assert _read(tmp_path, _with_unicode([shown])).layout.text == "صبح"


def test_columns_of_arabic_are_read_from_the_right(tmp_path: Path) -> None:
    texts = ["ابت", "ثجح", "خدذ", "رزس"]
    lines = [
        TextLine(text=text, box=(left, top, left + 0.3, top + 0.02))
        for text, (left, top) in zip(texts, [(0.1, 0.1), (0.6, 0.1), (0.1, 0.135), (0.6, 0.135)], strict=True)
    ]
    assert PageText.from_text_layer(lines, 600, 800).layout.text == "ثجح\tابت\nرزس\tخدذ"


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("\ufb01ne", "fine"),
        ("o\ufb03ce", "office"),
        ("exam\u00adple", "example"),
        ("zero\u200bwidth", "zerowidth"),
        ("two\u2029parts", "two parts"),
        ("cafe\u0301", "caf\u00e9"),
        ("\U0001d461 in maths", "\U0001d461 in maths"),
    ],
)
def test_rare_characters_become_plain_text(tmp_path: Path, drawn: str, read: str) -> None:
    assert _read(tmp_path, _with_unicode([drawn])).layout.text == read


@pytest.mark.parametrize(("angle", "turned"), [(90, 90), (180, 180), (270, 270)])
def test_a_page_of_turned_text_is_read_as_if_upright(tmp_path: Path, angle: int, turned: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.translate(300, 400)
        canvas.rotate(angle)
        for row in range(3):
            canvas.drawString(-100, 50 - 14 * row, f"This is line {row} of some")

    read = _read(tmp_path, _drawn(draw))
    assert read.layout.text == "This is line 0 of some\nThis is line 1 of some\nThis is line 2 of some"
    assert read.turned == turned and len(read.layout.paragraphs) == 1
    left, top, right, bottom = read.layout.blocks[0].box
    first = {90: (0.41, 0.555), 180: (0.56, 0.56), 270: (0.59, 0.445)}[angle]
    middle = ((left + right) / 2, (top + bottom) / 2)
    assert middle == pytest.approx(first, abs=0.02), "where the first line was drawn on the page as displayed"
    assert (right - left > bottom - top) == (angle == 180)


def test_the_abstract_of_a_paper_in_two_columns_comes_before_the_introduction(tmp_path: Path) -> None:
    def column(canvas: Canvas, left: float, heading: str, said: str) -> None:
        canvas.setFont("Helvetica", 10)
        canvas.drawString(left, 600, heading)
        for row in range(30):
            canvas.drawString(left, 584 - 12 * row, f"{said} {row} of what stands in this column")

    def draw(canvas: Canvas) -> None:
        column(canvas, 320, "1. Introduction", "Then line")  # drawn first, read last
        column(canvas, 60, "Abstract", "First line")
        canvas.setFont("Helvetica", 18)
        canvas.drawCentredString(300, 700, "A Title Over Both of the Columns")

    lines = _read(tmp_path, _drawn(draw)).layout.text.split("\n")
    expected = ["A Title Over Both of the Columns", "Abstract"]
    expected += [f"First line {row} of what stands in this column" for row in range(30)]
    expected += ["1. Introduction", *(f"Then line {row} of what stands in this column" for row in range(30))]
    assert lines == expected


@pytest.mark.parametrize("by_word", [False, True])
@pytest.mark.parametrize(("slope", "turned"), [(1, 0), (-3, 0), (5, 0), (-2, 90)])
def test_columns_of_skewed_text_are_read_as_if_straight(
    tmp_path: Path, slope: float, turned: int, by_word: bool
) -> None:
    columns = [[f"{name} line {row} of what is said in it" for row in range(12)] for name in ("Left", "Right")]

    def write(canvas: Canvas, left: float, top: float, line: str) -> None:
        for word in line.split() if by_word else [line]:  # programs that lay text over scans write word by word
            canvas.drawString(left, top, word)
            left += canvas.stringWidth(word + " ", "Helvetica", 12)

    def draw(canvas: Canvas) -> None:
        canvas.translate(300, 400)
        canvas.rotate(turned + slope)
        for left, column in zip((-190, 10), columns, strict=True):
            for row, line in enumerate(column):
                write(canvas, left, 90 - 15 * row, line)

    read = _read(tmp_path, _drawn(draw))
    assert read.layout.text.split("\n") == columns[0] + columns[1] and read.turned == turned
    assert len(read.layout.paragraphs) == 2, "both begin in capitals"
    left, top, right, bottom = read.layout.blocks[12].box
    turn, (x, y) = math.radians(turned + slope), (95, 94)  # the middle of the second column's first line
    across, up = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    middle = (300 + across) / WIDTH, 1 - (400 + up) / HEIGHT
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx(middle, abs=0.012)


def test_skewed_hebrew_is_read_from_the_right(tmp_path: Path) -> None:
    lines = [
        TextLine(text=text, box=(left, top, left + 0.05, top + 0.014), size=10, slope=2.0)
        for text, left, top in [("אחת", 0.5, 0.2175), ("שתיים", 0.44, 0.2159), ("שלוש", 0.38, 0.2143)]
    ]
    assert PageText.from_text_layer(lines, 600, 800).layout.text == "אחת שתיים שלוש"


def test_many_single_letters_are_not_initials(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for row in range(60):
            canvas.setFont("Helvetica", 20)
            canvas.drawString(60, 780 - 13 * row, "T")
            canvas.setFont("Helvetica", 6)
            canvas.drawString(90, 785 - 13 * row, "ick of a scale")
            canvas.drawString(90, 779 - 13 * row, "of sixty")

    assert _read(tmp_path, _drawn(draw)).layout.text.count("ick") == 60


def test_a_stamp_up_the_margin_is_read_last(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for row in range(12):
            canvas.drawString(100, 700 - 14 * row, f"Line {row} of the text that is read first of all")
        canvas.translate(40, 500)
        canvas.rotate(90)
        canvas.drawString(0, 0, "Stamped up the margin, 1 January")

    read = _read(tmp_path, _drawn(draw))
    lines = read.layout.text.split("\n")
    assert read.turned == 0 and lines[-1].startswith("Stamped") and lines[0].startswith("Line 0")


def test_turned_text_on_a_turned_page_is_upright(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.translate(300, 400)
        canvas.rotate(90)
        canvas.drawString(0, 0, "Displayed upright")

    read = _read(tmp_path, _drawn(draw, Rotate=90))
    (block,) = read.layout.blocks
    assert read.turned == 0 and block.text == "Displayed upright"
    assert block.box[2] - block.box[0] > block.box[3] - block.box[1]


def test_a_user_unit_does_not_change_the_boxes(tmp_path: Path) -> None:
    plain = _read(tmp_path, _drawn(lambda canvas: canvas.drawString(60, 700, "In large units"))).layout.blocks
    large = _read(tmp_path, _drawn(lambda canvas: canvas.drawString(60, 700, "In large units"), UserUnit=4.0))
    assert large.layout.blocks == plain


def test_a_crop_box_away_from_the_origin_on_a_turned_page_moves_the_boxes(tmp_path: Path) -> None:
    crop = pikepdf.Array([50, 400, 350, 800])
    page = _drawn(lambda canvas: canvas.drawString(60, 700, "Cropped"), CropBox=crop, Rotate=90)
    (block,) = _read(tmp_path, page).layout.blocks
    # 300 x 400 points, turned: x runs up the page from its foot, y from its left.
    assert block.box[:2] == pytest.approx((300 / 400, 10 / 300), abs=0.01)


def test_text_outside_the_page_is_not_reported(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "On the page")
        canvas.drawString(60, 950, "Above it")
        canvas.drawString(900, 700, "Beside it")

    assert _read(tmp_path, _drawn(draw)).layout.text == "On the page"


def test_text_cropped_away_is_not_reported(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Kept")
        canvas.drawString(60, 100, "Cut off")

    assert _read(tmp_path, _drawn(draw, CropBox=pikepdf.Array([0, 400, 600, 800]))).layout.text == "Kept"


def test_invisible_text_is_marked_hidden(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Printed")
        text = canvas.beginText(60, 600)
        text.setTextRenderMode(3)
        text.textLine("Invisible")
        canvas.drawText(text)

    lines, _, _ = _lines(tmp_path, _drawn(draw))
    assert [(line.text, line.hidden) for line in lines] == [("Printed", False), ("Invisible", True)]


def _box_over(canvas: Canvas, *, left: float = 50, width: float = 300, alpha: float = 1) -> None:
    canvas.setFillColorRGB(0.2, 0.2, 0.2, alpha)
    canvas.rect(left, 690, width, 30, stroke=0, fill=1)


def _hidden(tmp_path: Path, draw: Callable[[Canvas], None]) -> list[tuple[str, bool]]:
    lines, _, _ = _lines(tmp_path, _drawn(draw))
    return [(line.text, line.hidden) for line in lines]


def test_text_under_a_shape_is_hidden_and_text_on_a_shape_is_not(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 600, "Elsewhere")
        canvas.drawString(60, 700, "Covered up")
        _box_over(canvas)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.drawString(60, 695, "On top")

    assert _hidden(tmp_path, draw) == [("Elsewhere", False), ("Covered up", True), ("On top", False)]


def test_words_under_a_shape_are_hidden_and_the_rest_of_their_line_is_not(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "The name is Example and the sum is 100")
        before, word = (canvas.stringWidth(text, "Helvetica", 12) for text in ("The name is ", "Example"))
        _box_over(canvas, left=59 + before, width=word + 2)

    assert _hidden(tmp_path, draw) == [("The name is", False), ("Example", True), ("and the sum is 100", False)]
    assert _read(tmp_path, _drawn(draw)).layout.text.count("Example") == 1, "what counts as printed is trust's business"


@pytest.mark.parametrize("way", ["transparent", "clipped", "unfilled", "a picture with holes"])
def test_text_that_shows_through_an_object_is_not_hidden(tmp_path: Path, way: str) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Still to be seen")
        if way == "transparent":
            _box_over(canvas, alpha=0.3)
        elif way == "clipped":
            away = canvas.beginPath()
            away.rect(300, 100, 50, 50)
            canvas.clipPath(away, stroke=0)
            _box_over(canvas)
        elif way == "unfilled":
            canvas.rect(50, 690, 300, 30, stroke=1, fill=0)
        else:
            canvas.drawImage(ImageReader(Image.new("RGBA", (30, 3), (90, 90, 90, 0))), 50, 690, 300, 30, mask="auto")

    assert _hidden(tmp_path, draw) == [("Still to be seen", False)]


def test_covered_text_outside_the_page_is_not_reported(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 500, "On the page")
        canvas.translate(0, 200)
        canvas.drawString(60, 700, "Covered above it")
        _box_over(canvas)

    assert _hidden(tmp_path, draw) == [("On the page", False)]


def test_cells_under_a_transparent_shape_stay_cells(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Name of it")
        canvas.drawString(260, 700, "Value")
        _box_over(canvas, alpha=0.3)

    assert _hidden(tmp_path, draw) == [("Name of it", False), ("Value", False)]


def test_text_under_an_image_is_hidden(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Pasted over")
        canvas.drawImage(ImageReader(Image.new("RGB", (30, 3), "grey")), 50, 690, 300, 30)

    assert _hidden(tmp_path, draw) == [("Pasted over", True)]


def test_text_under_a_shape_is_hidden_inside_forms_too(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.beginForm("inner", 0, 0, 600, 800)
        canvas.drawString(-40, 300, "Covered in a form")
        canvas.endForm()
        canvas.translate(100, 400)
        canvas.doForm("inner")
        canvas.translate(-100, -400)
        _box_over(canvas)
        canvas.translate(100, 100)
        canvas.doForm("inner")

    assert _hidden(tmp_path, draw) == [("Covered in a form", True), ("Covered in a form", False)]


def test_the_search_for_covered_text_does_not_change_the_rendered_page(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(_drawn(lambda canvas: (canvas.drawString(60, 700, "Under glass"), _box_over(canvas, alpha=0.3))))  # type: ignore[func-returns-value]
    pdf = open_pdf(path)
    with pdf.page(1) as page:
        before = page.render(72, 10**7).image
        page.text_lines()
        assert (page.render(72, 10**7).image == before).all()
    pdf.close()


def test_cells_drawn_as_one_line_are_split_and_words_are_not(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Name")
        canvas.drawString(260, 700, "Value")
        canvas.drawString(60, 600, "Words of a ")
        canvas.setFont("Helvetica-Bold", 12)
        canvas.drawString(60 + canvas.stringWidth("Words of a ", "Helvetica", 12), 600, "line in two fonts")

    lines, _, _ = _lines(tmp_path, _drawn(draw))
    assert [line.text for line in lines] == ["Name", "Value", "Words of a line in two fonts"]


def test_words_in_typewriter_type_are_not_cells(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Courier", 10)
        canvas.drawString(60, 700, "total += i * n - 1 ; return")

    lines, _, _ = _lines(tmp_path, _drawn(draw))
    assert [line.text for line in lines] == ["total += i * n - 1 ; return"]


def test_dots_before_a_page_number_are_not_split(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "1.2 Of boats" + " ." * 40)
        canvas.drawString(60, 680, "1.3 Of lamps")
        for dot in range(20):
            canvas.drawString(160 + 14 * dot, 680, ".")
        canvas.drawString(500, 700, "17")
        canvas.drawString(500, 680, "19")

    rows = _read(tmp_path, _drawn(draw)).layout.text.split("\n")
    assert [row.replace(" .", "").split("\t")[0] for row in rows] == ["1.2 Of boats", "1.3 Of lamps"]
    assert [row.split("\t")[-1] for row in rows] == ["17", "19"]
    assert all(len(row.split("\t")) <= 3 for row in rows)


def test_type_sizes_are_those_on_the_page(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 24)
        canvas.drawString(60, 700, "Large")
        canvas.scale(2, 2)
        canvas.setFont("Helvetica", 6)
        canvas.drawString(30, 300, "Scaled")

    lines, _, _ = _lines(tmp_path, _drawn(draw))
    assert [(line.text, line.size) for line in lines] == [("Large", 24), ("Scaled", 12)]


def test_words_whose_letters_are_spaced_out_are_whole(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Some text before it in the usual spacing")
        left = 60.0
        for letter in "Here is some text":
            canvas.drawString(left, 660, letter.strip())
            left += canvas.stringWidth(letter, "Helvetica", 12) + 2

    assert _read(tmp_path, _drawn(draw)).layout.text.split("\n")[-1] == "Here is some text"


def test_narrow_spaces_of_a_justified_line_are_found(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(60, 700)
        text.setFont("Helvetica", 12)
        canvas.drawText(text)
        words = ["that", "as", "of", "the", "date", "of", "this", "one"]
        kerned = "-125 ".join(f"({word})" for word in words)  # an eighth of the type size, without a space character
        canvas._code.append(f"BT /F1 12 Tf 60 660 Td [{kerned}] TJ ET")

    assert _read(tmp_path, _drawn(draw)).layout.text == "that as of the date of this one"


def test_an_accent_drawn_over_a_letter_is_part_of_it(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "A backtick ` before text")
        # Bytes of PDFDocEncoding and WinAnsi: \\264 is an acute accent, a third of the type size wide.
        canvas._code.append("BT /F1 12 Tf 60 660 Td [(Garc\\264) 333 (a and Jos\\264) 444 (e)] TJ ET")

    assert _read(tmp_path, _drawn(draw)).layout.text == "A backtick ` before text\nGarc\u00e1 and Jos\u00e9"
