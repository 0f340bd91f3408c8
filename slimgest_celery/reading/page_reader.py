"""The reader of pages: makes the record of a page from its text layer, by OCR of its image, or from its error.

The decision between text layer and OCR is in text_layer_decision.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from slimgest_celery.engines.engine_set import EngineSet, no_helper
from slimgest_celery.engines.protocol import OcrEngine, SelectsLanguages
from slimgest_celery.errors import PageEngineFailed, PageFailure, PageOutOfMemory
from slimgest_celery.geometry import PageBox
from slimgest_celery.languages import AUTO
from slimgest_celery.layout.analysis import DetectedLine, Layout
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import Page, PageSeconds, Source
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.warning import DPI_LOWERED, OCR_LAYER_REJECTED, TABLE_UNCERTAIN, PageWarning, make_warning
from slimgest_celery.page_elements.protocol import LayoutModel
from slimgest_celery.pdf.document import Image, Pdf, PdfPage
from slimgest_celery.pdf.text_line import TextLine
from slimgest_celery.reading import page_text, text_layer_decision
from slimgest_celery.reading.blank_page import is_blank
from slimgest_celery.reading.languages import routing
from slimgest_celery.reading.languages.identification import identify
from slimgest_celery.reading.languages.routing import PageReading
from slimgest_celery.reading.orientation import UprightResult
from slimgest_celery.reading.page_text import PageText, ScannedPage
from slimgest_celery.reading.pictures import picture_text
from slimgest_celery.reading.pictures.picture_memory import Picture, PictureMemory
from slimgest_celery.reading.pictures.picture_text import PagePictures
from slimgest_celery.reading.text_layer_decision import Decision
from slimgest_celery.reading.text_layer_fonts import FontVerdicts, LocalFontVerdicts
from slimgest_celery.reading.text_layer_quality import TextLayer

_log = logging.getLogger(__name__)

FindPage = Callable[[int], Page | None]  # by page number: the record of an equal page that was read before


@dataclass(frozen=True, kw_only=True)
class _LayerText:
    """All that the text of a page is made of, if its source is the text layer."""

    lines: Sequence[TextLine]
    size_pt: tuple[float, float]  # width and height
    rules: list[PageBox]
    figures: list[PageBox]
    shapes: list[tuple[PageBox, bool]]
    known: list[DetectedLine]  # lines in pictures that were read on an earlier page

    def arrange(self, in_pictures: Sequence[DetectedLine] = ()) -> PageText:
        """Return the text, with these lines that were read in pictures."""
        in_pictures = [*self.known, *in_pictures]
        return PageText.from_text_layer(self.lines, *self.size_pt, self.rules, in_pictures, self.figures, self.shapes)


@dataclass(frozen=True, kw_only=True)
class _PictureTask:
    """A page read from its text layer, whose pictures may contain more text."""

    page: Page  # its record without the text of the pictures
    text: _LayerText
    image: Image
    pictures: list[Picture]


@dataclass(frozen=True, kw_only=True)
class _TextLayerCandidate:
    """A text layer in question, and what is read if the layer is confirmed."""

    layer: TextLayer
    pictures: _PictureTask
    verdicts: FontVerdicts


@dataclass(frozen=True, kw_only=True)
class _OcrTask:
    """A rendered page for OCR, unless the text layer of `candidate` is confirmed."""

    page: Page  # its record without text
    image: Image
    is_blank: bool
    dpi: float  # of the image
    languages: str = AUTO  # of the job
    candidate: _TextLayerCandidate | None = None


PreparedPage = Page | _OcrTask | _PictureTask


def _find_none(_page_number: int) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class PageReader:
    """Reads pages of open PDFs with one OCR engine. Independent of jobs: takes a PDF and returns records."""

    engine: OcrEngine  # the worker's own
    worker: str  # the name that the records give as their worker
    max_pixels: int  # of a rendered page; a larger page is rendered at a lower resolution
    reads_pictures: bool = True  # beside text layers, where they look like text
    picture_memory: PictureMemory = field(default_factory=PictureMemory)
    load_helper: Callable[[], SelectsLanguages | None] = no_helper  # the engine for languages that `engine` lacks
    layout_model: LayoutModel | None = None  # finds titles, tables and figures on pages that are read by OCR

    @cached_property
    def engines(self) -> EngineSet:
        """The engines that this worker can use."""
        return EngineSet(self.engine, self.load_helper)

    def read_pages(
        self,
        pdf: Pdf,
        options: Options,
        page_numbers: Sequence[int],
        reuse: FindPage = _find_none,
        verdicts: FontVerdicts | None = None,
    ) -> list[Page]:
        """Return the records of these pages; the error of a page that fails is in its record.

        `verdicts` are those of the document's fonts; absent, these pages share no verdict with others.
        """
        verdicts = verdicts or LocalFontVerdicts()
        return self.finish_pages([self.prepare_page(pdf, options, number, reuse, verdicts) for number in page_numbers])

    def finish_pages(self, prepared: Sequence[PreparedPage]) -> list[Page]:
        """Return the records of prepared pages; reads the ones that need OCR. Only this step uses the engine."""
        verified = [
            self._verify_candidate(item, item.candidate) if isinstance(item, _OcrTask) and item.candidate else item
            for item in prepared
        ]
        completed = [self._read_pictures(item) if isinstance(item, _PictureTask) else item for item in verified]
        tasks = [item for item in completed if isinstance(item, _OcrTask)]
        read = {page.page_number: page for page in self._run_ocr(tasks)}
        pages = [item if isinstance(item, Page) else read[item.page.page_number] for item in completed]
        return [self._within_limits(page) for page in pages]

    def prepare_page(
        self,
        pdf: Pdf,
        options: Options,
        page_number: int,
        reuse: FindPage = _find_none,
        verdicts: FontVerdicts | None = None,
    ) -> PreparedPage:
        """Return the page from its text layer, from `reuse`, rendered for OCR, or failed. Does not use the engine."""
        started_s = time.perf_counter()
        verdicts = verdicts or LocalFontVerdicts()
        try:
            with pdf.page(page_number) as page:
                decision = text_layer_decision.decide(page, options.mode, verdicts)
                layer, pictures = decision.layer, PagePictures()
                if self.reads_pictures and layer and decision.source != Source.OCR and options.mode == Mode.AUTO:
                    pictures = picture_text.find_pictures(page, layer, options.dpi, self.picture_memory)
                if layer and decision.source == Source.TEXT_LAYER and not pictures.unread:
                    return self._take_text_layer(page, page_number, options, decision, pictures, started_s)[0]
                if known := reuse(page_number):
                    return known
                task = self._render(page, page_number, options, decision, started_s)
                if task.is_blank or layer is None or decision.source == Source.OCR:
                    return task.page if task.is_blank else task
                read, text = self._take_text_layer(page, page_number, options, decision, pictures, started_s)
                picture_task = _PictureTask(page=read, text=text, image=task.image, pictures=pictures.unread)
                if decision.source == Source.TEXT_LAYER:
                    return picture_task
                return replace(
                    task, candidate=_TextLayerCandidate(layer=layer, pictures=picture_task, verdicts=verdicts)
                )
        except PageFailure as error:
            return failed_page(page_number, error, worker=self.worker)
        except MemoryError:
            return failed_page(page_number, PageOutOfMemory(), worker=self.worker)

    def _within_limits(self, page: Page) -> Page:
        """Return the page, or a failed one if it has too much text."""
        try:
            page_text.check_page(page)
        except PageFailure as error:
            return failed_page(page.page_number, error, worker=self.worker)
        return page

    def _take_text_layer(
        self,
        page: PdfPage,
        page_number: int,
        options: Options,
        decision: Decision,
        pictures: PagePictures,
        started_s: float,
    ) -> tuple[Page, _LayerText]:
        """Return the record of the page from its text layer, and what its text is made of."""
        layer = decision.layer or TextLayer(lines=[], score=0.0)
        text = _LayerText(
            lines=layer.lines,
            size_pt=(page.width_pt, page.height_pt),
            rules=page.rules(),
            figures=page.figures(),
            shapes=page.shapes(),
            known=pictures.known,
        )
        arranged = text.arrange()
        width, height = page.pixels(options.dpi)
        record = Page(
            page_number=page_number,
            status="ok",
            text=arranged.layout.text,
            source=Source.TEXT_LAYER,
            reason=_reason(decision.reason, bool(pictures.known)),
            width=width,
            height=height,
            rotation=(page.rotation + arranged.turned) % 360,
            turned=arranged.turned,
            vertical=arranged.vertical,
            trust=round(layer.score, 3),
            blocks=arranged.layout.blocks,
            paragraphs=arranged.layout.paragraphs,
            regions=arranged.layout.regions,
            seconds=PageSeconds(read=_since(started_s)),
            worker=self.worker,
            warnings=_table_warning(arranged.layout),
            **_language_of(arranged.layout.text),
        )
        return record, text

    def _render(
        self, page: PdfPage, page_number: int, options: Options, decision: Decision, started_s: float
    ) -> _OcrTask:
        rendered = page.render(options.dpi, self.max_pixels)
        lowered = f"dpi lowered to {rendered.dpi:.0f} by SLIMGEST_MAX_PAGE_PIXELS" if rendered.dpi < options.dpi else ""
        blank = "blank" if is_blank(rendered.image, rendered.dpi) else ""
        height, width = rendered.image.shape[:2]
        unread = Page(
            page_number=page_number,
            status="ok",
            source=Source.OCR,
            reason="; ".join(filter(None, [decision.reason, lowered, blank])),
            width=width,
            height=height,
            rotation=page.rotation,
            trust=decision.layer.score if decision.layer and decision.source else None,
            seconds=PageSeconds(render=_since(started_s)),
            worker=self.worker,
            warnings=[_dpi_warning(rendered.dpi, options.dpi)] if lowered else [],
        )
        languages = options.languages or AUTO
        return _OcrTask(page=unread, image=rendered.image, is_blank=bool(blank), dpi=rendered.dpi, languages=languages)

    def _verify_candidate(self, task: _OcrTask, candidate: _TextLayerCandidate) -> PreparedPage:
        """Return the page from its text layer if OCR of a sample confirms the layer, else the task for OCR."""
        started_s = time.perf_counter()
        try:
            engine = routing.engine_for_text(self.engines, candidate.layer.text, task.languages)
            decision = text_layer_decision.verify(candidate.layer, engine, task.image, candidate.verdicts)
        except Exception:  # an engine may raise anything, and may still read the whole page
            _log.exception("page %s: engine %s failed on a sample", task.page.page_number, self.engine.name)
            return replace(task, candidate=None)
        trust = round(decision.layer.score, 3) if decision.layer else None
        if decision.source == Source.TEXT_LAYER:
            confirmed = candidate.pictures
            read_s = round(confirmed.page.seconds.read + _since(started_s), 4)
            seconds = PageSeconds(render=task.page.seconds.render, read=read_s)
            reason = _reason(decision.reason, bool(confirmed.text.known))
            page = confirmed.page.model_copy(update={"reason": reason, "trust": trust, "seconds": seconds})
            return replace(confirmed, page=page) if confirmed.pictures else page
        reason = "; ".join(filter(None, [decision.reason, task.page.reason]))
        rejected = [make_warning(OCR_LAYER_REJECTED)] if decision.reason == "wrong_ocr_layer" else []
        changed = {"reason": reason, "trust": trust, "warnings": [*task.page.warnings, *rejected]}
        return replace(task, page=task.page.model_copy(update=changed), candidate=None)

    def _read_pictures(self, task: _PictureTask) -> Page:
        """Return the page with the text of its pictures. If the engine fails, the page is complete without that."""
        started_s = time.perf_counter()
        page, lines = task.page, task.text.lines
        try:
            read = picture_text.read_pictures(
                self.engine, task.image, task.pictures, lines, page.turned, self.picture_memory
            )
        except Exception:  # an engine may raise anything
            _log.exception("page %s: engine %s failed on a picture", page.page_number, self.engine.name)
            return page.model_copy(update={"reason": f"{page.reason}; pictures_not_read"})
        layout = task.text.arrange(read).layout if read else page
        seconds = page.seconds.model_copy(update={"read": round(page.seconds.read + _since(started_s), 4)})
        reason = page.reason if task.text.known else _reason(page.reason or "", bool(read))
        changed = {name: getattr(layout, name) for name in ("text", "blocks", "paragraphs", "regions")}
        return page.model_copy(update={**changed, "reason": reason, "seconds": seconds})

    def _run_ocr(self, tasks: list[_OcrTask]) -> list[Page]:
        """Read rendered pages in one batch. If it fails, read them one by one, so that one page fails alone."""
        if not tasks:
            return []
        started_s = time.perf_counter()
        try:
            images, languages = [task.image for task in tasks], tasks[0].languages  # all of one job
            readings = routing.read_pages(self.engines, images, languages)
            texts = [self._page_text(task, reading.result) for task, reading in zip(tasks, readings, strict=True)]
        except Exception as error:  # an engine may raise anything
            if len(tasks) > 1:
                return [page for task in tasks for page in self._run_ocr([task])]
            _log.exception("page %s: engine %s failed", tasks[0].page.page_number, self.engine.name)
            fault = PageOutOfMemory() if isinstance(error, MemoryError) else PageEngineFailed()
            return [failed_page(tasks[0].page.page_number, fault, worker=self.worker)]
        each_s = _since(started_s) / len(tasks)
        return [
            _with_text(task.page, text, reading, each_s)
            for task, reading, text in zip(tasks, readings, texts, strict=True)
        ]

    def _page_text(self, task: _OcrTask, result: UprightResult) -> PageText:
        """Return the text of a page, with the regions that the layout model finds. Without a model, or if it fails,
        the page has those that its lines show."""
        model = self.layout_model
        if model is None or not result.lines or result.is_vertical:  # the model has learnt from horizontal lines
            return PageText.from_ocr(result)
        image = result.transform.apply(task.image)
        try:
            elements = model.find(image)
        except Exception:  # a runtime of models may raise anything
            _log.exception("page %s: layout model %s failed", task.page.page_number, model.name)
            return PageText.from_ocr(result)
        return PageText.from_ocr(result, ScannedPage(image=image, dpi=task.dpi, elements=elements))


def _reason(reason: str, text_in_pictures: bool) -> str:
    return f"{reason}; text_in_pictures" if text_in_pictures else reason


def _dpi_warning(dpi: float, wanted_dpi: float) -> PageWarning:
    return make_warning(
        DPI_LOWERED, f"The page was rendered at {dpi:.0f} instead of {wanted_dpi:.0f} dpi: it is large."
    )


def _table_warning(layout: Layout) -> list[PageWarning]:
    return [make_warning(TABLE_UNCERTAIN)] if layout.has_uncertain_table else []


def _language_of(text: str) -> dict[str, str | None]:
    found = identify(text)
    return {"language": found.tag, "script": found.script}


def _with_text(page: Page, text: PageText, reading: PageReading, read_s: float) -> Page:
    return page.model_copy(
        update={
            "text": text.layout.text,
            "blocks": text.layout.blocks,
            "paragraphs": text.layout.paragraphs,
            "regions": text.layout.regions,
            "turned": text.turned,
            "vertical": text.vertical,
            "rotation": (page.rotation + text.turned) % 360,
            "seconds": PageSeconds(render=page.seconds.render, read=round(read_s, 4)),
            "warnings": [*page.warnings, *reading.warnings, *_table_warning(text.layout)],
            "engine": reading.engine,
            "language": reading.language.tag,
            "script": reading.language.script,
        }
    )


def failed_page(page_number: int, error: PageFailure, worker: str = "") -> Page:
    """Return the record of a page that could not be read."""
    return Page(page_number=page_number, status="failed", error=Problem.from_error(error), worker=worker)


def _since(started_s: float) -> float:
    return round(time.perf_counter() - started_s, 4)
