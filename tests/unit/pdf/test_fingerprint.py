"""Changes that change a page's fingerprint, and changes that do not."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from slimgest_celery.pdf.fingerprint import Fingerprints
from tests.support import pdfs


def _drawn() -> Pdf:
    """Three scans with a font, an annotation and a layer. All attributes that pages can inherit are inherited."""
    pdf = Pdf.new()
    program = pdf.make_stream(zlib.compress(b"a font's program"), Filter=Name.FlateDecode)
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.TrueType, Program=program))
    layers = [pdf.make_indirect(Dictionary(Type=Name.OCG, Name=pikepdf.String("layer"))) for _ in range(2)]
    pdf.Root.OCProperties = Dictionary(OCGs=Array(layers), D=Dictionary(OFF=Array([layers[0]])))
    for number in range(3):
        content = pdf.make_stream(zlib.compress(b"/I Do % " + bytes([number])), Filter=Name.FlateDecode)
        scan = pdf.make_stream(zlib.compress(bytes([number]) * 9), Filter=Name.FlateDecode, Subtype=Name.Image)
        looks = pdf.make_stream(zlib.compress(b"stamp"), Filter=Name.FlateDecode, Subtype=Name.Form)
        page = Dictionary(Type=Name.Page, Contents=content)
        page.Resources = Dictionary(
            XObject=Dictionary(I=scan), Font=Dictionary(F=font), Properties=Dictionary(L=layers[1])
        )
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
        mark = Dictionary(Subtype=Name.Stamp, AP=Dictionary(N=looks), P=pdf.pages[-1].obj, M=pikepdf.String("today"))
        pdf.pages[-1].obj.Annots = Array([pdf.make_indirect(mark)])
    pdf.Root.Pages.MediaBox = Array([0, 0, 300, 400])
    return pdf


def _saved(pdf: Pdf, tmp_path: Path, **how: Any) -> Path:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pdf"
    pdf.save(path, **how)
    return path


def _of(path: Path, numbers: Sequence[int] = (1, 2, 3), page_count: int | None = None) -> list[bytes | None]:
    with pikepdf.open(path) as pdf:
        found = Fingerprints(path, page_count or len(pdf.pages))
    try:
        return [found.of(number) for number in numbers]
    finally:
        found.close()


def _changed(tmp_path: Path, change: Callable[[Pdf], object]) -> tuple[list[bytes | None], list[bytes | None]]:
    pdf = _drawn()
    before = _of(_saved(pdf, tmp_path))
    change(pdf)
    return before, _of(_saved(pdf, tmp_path))


def test_every_page_has_a_different_fingerprint(tmp_path: Path) -> None:
    found = _of(_saved(_drawn(), tmp_path))
    assert len(set(found)) == 3 and all(len(one or b"") == 32 for one in found)


def test_a_page_keeps_its_fingerprint_in_another_pdf_with_other_object_numbers(tmp_path: Path) -> None:
    pdf = _drawn()
    first, second, third = _of(_saved(pdf, tmp_path))
    other = Pdf.new()
    other.pages.extend([pdf.pages[2], pdf.pages[0]])
    other.Root.OCProperties = other.copy_foreign(pdf.make_indirect(pdf.Root.OCProperties))
    del pdf.pages[1]
    packed = _saved(pdf, tmp_path, object_stream_mode=pikepdf.ObjectStreamMode.generate, linearize=True)
    assert _of(packed, [2, 1]) == [third, first]
    assert second not in _of(packed, [1, 2])


def _form_in_itself(pdf: Pdf, page: int = 0) -> None:
    form = pdf.make_stream(zlib.compress(b"/X Do"), Filter=Name.FlateDecode, Subtype=Name.Form)
    other = pdf.make_stream(zlib.compress(b"/Y Do"), Filter=Name.FlateDecode, Subtype=Name.Form)
    form.Resources = Dictionary(XObject=Dictionary(X=other))
    other.Resources = Dictionary(XObject=Dictionary(Y=form))
    pdf.pages[page].Resources.XObject.Z = form
    pdf.pages[page + 1].Resources.XObject.Z = other


def _scan(pdf: Pdf) -> Any:
    return pdf.pages[0].Resources.XObject.I


def _swap_layers(pdf: Pdf) -> None:
    """Exchange the visible and the hidden layer; the two layers have equal content."""
    pdf.Root.OCProperties.D.OFF = Array([pdf.Root.OCProperties.OCGs[1]])


CHANGES: dict[str, Callable[[Pdf], object]] = {
    "a byte of the scan": lambda pdf: _scan(pdf).write(zlib.compress(b"\0" * 8 + b"\1"), filter=Name.FlateDecode),
    "how the scan is to be decoded": lambda pdf: _scan(pdf).__setattr__("Decode", Array([1, 0])),
    "what is drawn": lambda pdf: pdf.pages[0].__setattr__("Contents", pdf.make_stream(b"q /I Do Q")),
    "a content stream more": lambda pdf: pdf.pages[0].contents_add(b"0 0 9 9 re f"),
    "rotation": lambda pdf: pdf.pages[0].__setattr__("Rotate", 90),
    "crop box": lambda pdf: pdf.pages[0].__setattr__("CropBox", Array([0, 0, 300, 399])),
    "inherited media box": lambda pdf: pdf.Root.Pages.__setattr__("MediaBox", Array([0, 0, 300, 399])),
    "user unit": lambda pdf: pdf.pages[0].__setattr__("UserUnit", 2),
    "a font": lambda pdf: pdf.pages[0].Resources.Font.F.Program.write(b"another program", filter=Name.FlateDecode),
    "which object has which name": lambda pdf: pdf.pages[0].Resources.XObject.__setattr__(
        "I", pdf.pages[1].Resources.XObject.I
    ),
    "how an annotation looks": lambda pdf: pdf.pages[0].Annots[0].AP.N.write(b"mark", filter=Name.FlateDecode),
    "an annotation's flags": lambda pdf: pdf.pages[0].Annots[0].__setattr__("F", 2),
    "which layer is shown": _swap_layers,
    "how a layer is used": lambda pdf: pdf.Root.OCProperties.OCGs[1].__setattr__("Usage", Dictionary(View=Name.OFF)),
    "which look a button has": lambda pdf: pdf.pages[0].Annots[0].__setattr__("Parent", Dictionary(V=Name.On)),
    "which layer it is on": lambda pdf: pdf.pages[0].Resources.Properties.__setattr__(
        "L", pdf.Root.OCProperties.OCGs[0]
    ),
    "a form in itself": _form_in_itself,
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_a_page_changes_its_fingerprint(tmp_path: Path, what: str) -> None:
    before, after = _changed(tmp_path, CHANGES[what])
    assert after[0] and after[0] != before[0]


NO_CHANGES: dict[str, Callable[[Pdf], object]] = {
    "another page": lambda pdf: pdf.pages[1].__setattr__("Rotate", 90),
    "when an annotation was made": lambda pdf: pdf.pages[0].Annots[0].__setattr__("M", pikepdf.String("later")),
    "where a link leads": lambda pdf: pdf.pages[0].Annots[0].__setattr__("Dest", Array([pdf.pages[2].obj, Name.Fit])),
    "the document's title": lambda pdf: pdf.docinfo.__setitem__("/Title", "another"),
    "a page's thumbnail": lambda pdf: pdf.pages[0].__setattr__("Thumb", pdf.make_stream(b"small")),
    "a page in front": lambda pdf: pdf.pages.append(pdf.pages[1]),
}


@pytest.mark.parametrize("what", NO_CHANGES)
def test_what_does_not_change_a_page_does_not_change_its_fingerprint(tmp_path: Path, what: str) -> None:
    before, after = _changed(tmp_path, NO_CHANGES[what])
    assert before[0] and after[0] == before[0]


def test_objects_in_cycles_have_the_same_fingerprint_in_any_order_of_pages(tmp_path: Path) -> None:
    pdf = _drawn()
    _form_in_itself(pdf)
    path = _saved(pdf, tmp_path)
    first, second = _of(path, [1, 2])
    assert first and second and first != second
    assert _of(path, [2, 1]) == [second, first] and _of(path, [2]) == [second]


def test_a_page_with_too_many_or_too_deep_objects_has_none_and_does_not_affect_others(tmp_path: Path) -> None:
    pdf = _drawn()
    deep = Dictionary()
    for _ in range(500):
        deep = pdf.make_indirect(Dictionary(Deeper=deep))
    pdf.pages[0].Resources.Pattern = deep
    # A graph of circles in which the ways to walk double at each step.
    steps: list[Any] = [pdf.make_indirect(Dictionary()) for _ in range(40)]
    for step, (here, after) in enumerate(zip(steps, [*steps[1:], steps[0]], strict=True)):
        here.A = here.B = after
        here.Step = step
    pdf.pages[1].Resources.Pattern = steps[0]
    found = _of(_saved(pdf, tmp_path))
    assert found[:2] == [None, None] and found[2]
    assert found[2] == _of(_saved(_drawn(), tmp_path))[2]


def test_there_is_none_if_qpdf_and_pdfium_may_see_different_pages(tmp_path: Path) -> None:
    encrypted = _saved(_drawn(), tmp_path, encryption=pikepdf.Encryption(owner="owner", user=""))
    assert _of(encrypted) == [None] * 3
    whole = _saved(_drawn(), tmp_path)
    assert _of(whole, page_count=4) == [None] * 3
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(whole.read_bytes().replace(b"startxref", b"startxxxx"))
    assert _of(damaged) == [None] * 3
    form = _drawn()
    form.Root.AcroForm = Dictionary(NeedAppearances=True, Fields=Array())
    assert _of(_saved(form, tmp_path)) == [None] * 3
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(pdfs.text_pages(["x"], password="secret"))
    assert Fingerprints(locked, 1).of(1) is None


def test_shared_objects_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _saved(_drawn(), tmp_path)
    read: list[tuple[int, int]] = []
    real = pikepdf.Object.get_raw_stream_buffer
    monkeypatch.setattr(
        pikepdf.Object, "get_raw_stream_buffer", lambda stream: (read.append(stream.objgen), real(stream))[1]
    )
    assert len(set(_of(path))) == 3
    assert len(read) == len(set(read)) == 3 * 3 + 1, "three streams of each page, and the font"


def test_saving_with_unchanged_streams_keeps_the_fingerprint(tmp_path: Path) -> None:
    """An editor that does not change a scan writes new object numbers and the same streams."""
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdfs.photographed(2))) as pdf:
        before = _of(_saved(pdf, tmp_path), [1, 2])
        del pdf.pages[0]
        pdf.save(stored)
    with pikepdf.open(stored) as again:
        assert _of(_saved(again, tmp_path), [1]) == [before[1]]
