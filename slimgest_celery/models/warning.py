"""The warnings of a page that was read: what may be wrong with it, and what to do. Codes are stable, like error codes.

A new code needs an entry in `WARNINGS` and a row in docs/pages.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from slimgest_celery.models.record import Record


@dataclass(frozen=True, kw_only=True)
class WarningKind:
    """A warning code, with its usual message and hint."""

    code: str
    message: str
    hint: str


SCRIPT_UNSUPPORTED = WarningKind(
    code="script.unsupported",
    message="Most text of the page is in a script that no OCR engine of this service reads.",
    hint="Operator: install Tesseract and its language data, for example `apt-get install tesseract-ocr-rus`.",
)
LANGUAGE_UNSUPPORTED = WarningKind(
    code="language.unsupported",
    message="The engine lacks letters of the language of this page: the text is incomplete.",
    hint="Operator: install Tesseract and the data of the language, for example `apt-get install tesseract-ocr-vie`.",
)
LOW_CONFIDENCE = WarningKind(
    code="text.low_confidence",
    message="The engine is not sure of most of the text of the page.",
    hint="Check the text. A scan of 300 dpi, or the option `dpi`, may help.",
)
DPI_LOWERED = WarningKind(
    code="page.dpi_lowered",
    message="The page was rendered at a lower resolution, because it has too many pixels.",
    hint="Operator: raise SLIMGEST_MAX_PAGE_PIXELS.",
)
OCR_LAYER_REJECTED = WarningKind(
    code="ocr_layer.rejected",
    message="The PDF has text from another OCR program on this page, which differs from the scan and was not used.",
    hint="To use that text, send the PDF with `mode=text`.",
)
TABLE_UNCERTAIN = WarningKind(
    code="table.uncertain",
    message="The page has a table whose text reaches over its rules. It was read row by row, without cells.",
    hint="Check the rows of the table.",
)
_KINDS = (
    SCRIPT_UNSUPPORTED,
    LANGUAGE_UNSUPPORTED,
    LOW_CONFIDENCE,
    DPI_LOWERED,
    OCR_LAYER_REJECTED,
    TABLE_UNCERTAIN,
)
WARNINGS = {kind.code: kind for kind in _KINDS}


class PageWarning(Record):
    """A doubt about a page that was read."""

    code: str = Field(
        description="A stable code. Programs may rely on it.", json_schema_extra={"enum": [*sorted(WARNINGS)]}
    )
    message: str = Field(description="What may be wrong, as a sentence for people. The sentence may change.")
    hint: str | None = Field(None, description="What to do, as a sentence for people. The sentence may change.")


def make_warning(kind: WarningKind, message: str | None = None, hint: str | None = None) -> PageWarning:
    """Return a warning of this kind, with the kind's message and hint for those that are not given."""
    return PageWarning(code=kind.code, message=message or kind.message, hint=hint or kind.hint)
