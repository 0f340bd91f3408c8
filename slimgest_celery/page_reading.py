"""How a page becomes its record: from its text layer, or rendered and read by OCR, or failed for a reason."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from . import orientation, proof, trust
from .desk import Desk
from .errors import (
    PageEngineFailed,
    PageFailure,
    PageOutOfMemory,
    PageTooMuchText,
)
from .model import Mode, Options, Page, PageSeconds, Problem, Source
from .pdf import Image, Pdf, PdfPage
from .transcript import Transcript, of_reading, of_text_layer
from .trust import Doubt, Layer

_MOST_TEXT = 1_000_000  # characters a page: a few kilobytes of PDF can unfold to any number
# What a text layer leaves open may show at this resolution already, in images of at most this size.
_GLANCE_DPI, _GLANCE_PIXELS = 50.0, 4_000_000
_log = logging.getLogger(__name__)

Recalling = Callable[[int], Page | None]  # a page that was read before, by its number: see recall.py


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """A text layer in doubt, and the page as it says."""

    layer: Layer
    page: Page


@dataclass(frozen=True, kw_only=True)
class _Scan:
    """A page whose text must be read from its image, unless its text layer's claim is upheld."""

    page: Page  # all that is known of it before
    image: Image
    claim: _Claim | None = None


def _nothing(_page_number: int) -> None:
    """Recalls no page."""


def read_batch(
    desk: Desk, pdf: Pdf, options: Options, page_numbers: Sequence[int], recall: Recalling = _nothing
) -> list[Page]:
    """Pages of an open PDF, read; what goes wrong with one is in its record."""
    return finish_batch(desk, [prepare(desk, pdf, options, number, recall) for number in page_numbers])


def finish_batch(desk: Desk, prepared: Sequence[Page | _Scan]) -> list[Page]:
    """Pages that were prepared, with the text of those that only OCR can read; the only step that needs the engine."""
    settled = [_settle(desk, item) if isinstance(item, _Scan) and item.claim else item for item in prepared]
    scans = [item for item in settled if isinstance(item, _Scan)]
    read = {page.page_number: page for page in _ocr(desk, scans)}
    return [item if isinstance(item, Page) else read[item.page.page_number] for item in settled]


def prepare(desk: Desk, pdf: Pdf, options: Options, page_number: int, recall: Recalling = _nothing) -> Page | _Scan:
    """The page from its text layer, or as it was read before, or rendered for OCR, or failed."""
    started_s = time.perf_counter()
    try:
        with pdf.page(page_number) as page:
            if options.mode == Mode.OCR:
                return recall(page_number) or _rendered(desk, page, page_number, options, "mode_ocr", started_s)
            layer = _text_layer(page)
            if layer.trusted or options.mode == Mode.TEXT:
                return _from_text_layer(desk, page, page_number, options, layer, started_s)
            if known := recall(page_number):
                return known
            scan = _rendered(desk, page, page_number, options, layer.reason or "", started_s)
            if layer.reason is not None:
                return replace(scan, page=scan.page.model_copy(update={"trust": layer.score}))
            claimed = _from_text_layer(desk, page, page_number, options, layer, started_s)
            return replace(scan, claim=_Claim(layer=layer, page=claimed))
    except PageFailure as error:
        return failed_page(page_number, error, worker=desk.worker)
    except MemoryError:
        return failed_page(page_number, PageOutOfMemory(), worker=desk.worker)


def _text_layer(page: PdfPage) -> Layer:
    """The page's text layer and what is held of it; pixels are looked at only where text is white or scarce."""
    lines = page.text_lines()
    if sum(len(line.text) for line in lines) > _MOST_TEXT:
        raise PageTooMuchText
    if any(line.white for line in lines):
        lines = proof.seen(lines, page.render(_GLANCE_DPI, _GLANCE_PIXELS).image)
    layer = trust.weigh(lines, page.picture_cover())
    if layer.doubt == Doubt.COVERAGE:
        return proof.glance(page.render(_GLANCE_DPI, _GLANCE_PIXELS).image, layer)
    return layer


def _from_text_layer(
    desk: Desk, page: PdfPage, page_number: int, options: Options, layer: Layer, started_s: float
) -> Page:
    transcript = of_text_layer(layer.lines, page.width_pt, page.height_pt, page.rules())
    width, height = page.pixels(options.dpi)
    taken = "mode_text" if options.mode == Mode.TEXT else "ocr_layer" if layer.ocr else "text_layer"
    return Page(
        page_number=page_number,
        status="ok",
        text=transcript.layout.text,
        source=Source.TEXT_LAYER,
        reason="; ".join(filter(None, [taken, layer.reason])),
        width=width,
        height=height,
        rotation=(page.rotation + transcript.turned) % 360,
        turned=transcript.turned,
        trust=round(layer.score, 3),
        blocks=transcript.layout.blocks,
        paragraphs=transcript.layout.paragraphs,
        seconds=PageSeconds(read=_since(started_s)),
        worker=desk.worker,
    )


def _rendered(desk: Desk, page: PdfPage, page_number: int, options: Options, reason: str, started_s: float) -> _Scan:
    rendered = page.render(options.dpi, desk.jobs.settings.max_page_pixels)
    if rendered.dpi < options.dpi:
        lowered = f"dpi lowered to {rendered.dpi:.0f} by SLIMGEST_MAX_PAGE_PIXELS"
        reason = "; ".join(filter(None, [reason, lowered]))
    height, width = rendered.image.shape[:2]
    blank = Page(
        page_number=page_number,
        status="ok",
        source=Source.OCR,
        reason=reason,
        width=width,
        height=height,
        rotation=page.rotation,
        seconds=PageSeconds(render=_since(started_s)),
        worker=desk.worker,
    )
    return _Scan(page=blank, image=rendered.image)


def _settle(desk: Desk, scan: _Scan) -> Page | _Scan:
    """The page from its text layer where a sample of its image bears that out, else the scan with the reason."""
    assert scan.claim is not None  # noqa: S101 - for the type checker: the caller has looked
    started_s = time.perf_counter()
    try:
        layer = proof.settle(desk.engine, scan.image, scan.claim.layer)
    except Exception:  # an engine is anybody's code, and what fails on a sample may read the page
        _log.exception("page %s: engine %s failed on a sample", scan.page.page_number, desk.engine.name)
        return replace(scan, claim=None)
    if layer.reason is None:
        read_s = round(scan.claim.page.seconds.read + _since(started_s), 4)
        seconds = PageSeconds(render=scan.page.seconds.render, read=read_s)
        return scan.claim.page.model_copy(update={"trust": round(layer.score, 3), "seconds": seconds})
    reason = "; ".join(filter(None, [layer.reason, scan.page.reason]))
    page = scan.page.model_copy(update={"reason": reason, "trust": round(layer.score, 3)})
    return replace(scan, page=page, claim=None)


def _ocr(desk: Desk, scans: list[_Scan]) -> list[Page]:
    """The scans' pages with their text. Where a batch fails, its pages are read one by one, so one spoils no other."""
    if not scans:
        return []
    started_s = time.perf_counter()
    try:
        transcripts = [of_reading(found) for found in orientation.read(desk.engine, [scan.image for scan in scans])]
    except Exception as error:  # an engine is anybody's code
        if len(scans) > 1:
            return [page for scan in scans for page in _ocr(desk, [scan])]
        _log.exception("page %s: engine %s failed", scans[0].page.page_number, desk.engine.name)
        fault = PageOutOfMemory() if isinstance(error, MemoryError) else PageEngineFailed()
        return [failed_page(scans[0].page.page_number, fault, worker=desk.worker)]
    each_s = _since(started_s) / len(scans)
    return [_with_text(scan.page, found, each_s) for scan, found in zip(scans, transcripts, strict=True)]


def _with_text(page: Page, transcript: Transcript, read_s: float) -> Page:
    return page.model_copy(
        update={
            "text": transcript.layout.text,
            "blocks": transcript.layout.blocks,
            "paragraphs": transcript.layout.paragraphs,
            "turned": transcript.turned,
            "rotation": (page.rotation + transcript.turned) % 360,
            "seconds": PageSeconds(render=page.seconds.render, read=round(read_s, 4)),
        }
    )


def failed_page(page_number: int, error: PageFailure, worker: str = "") -> Page:
    """The record of a page that could not be read."""
    return Page(page_number=page_number, status="failed", error=Problem.of(error), worker=worker)


def _since(started_s: float) -> float:
    return round(time.perf_counter() - started_s, 4)
