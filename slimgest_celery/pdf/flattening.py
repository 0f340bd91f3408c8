"""Form fields and annotations, drawn into the content of their page: so its text layer and its image contain them.

PDFium draws what a viewer would show: fields with their values, free text, stamps, signatures. Hidden annotations and
pop-ups are left out.
"""

from __future__ import annotations

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from slimgest_celery.geometry import PdfRect

# Annotations that carry no text of their own: most pages of a manual have links.
_WITHOUT_TEXT = (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP)


def prepare_forms(document: pdfium.PdfDocument) -> None:
    """Let PDFium make appearances for form fields without one. Call it before any page is loaded."""
    if document.get_formtype() == raw.FORMTYPE_ACRO_FORM:
        document.init_forms()


def flatten(page: pdfium.PdfPage) -> list[PdfRect] | None:
    """Draw the page's form fields and annotations into its content: into one form, its last object.

    Return the rectangles of the form fields, or None if nothing was drawn. After a flattening the page must be loaded
    again.
    """
    subtypes = [_subtype(page, index) for index in range(raw.FPDFPage_GetAnnotCount(page))]
    if all(subtype in _WITHOUT_TEXT for subtype in subtypes):
        return None
    fields = [_rectangle(page, index) for index, subtype in enumerate(subtypes) if subtype == raw.FPDF_ANNOT_WIDGET]
    is_flattened = raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS
    return fields if is_flattened else None


def _subtype(page: pdfium.PdfPage, index: int) -> int:
    annotation = raw.FPDFPage_GetAnnot(page, index)
    subtype: int = raw.FPDFAnnot_GetSubtype(annotation)
    raw.FPDFPage_CloseAnnot(annotation)
    return subtype


def _rectangle(page: pdfium.PdfPage, index: int) -> PdfRect:
    annotation, rectangle = raw.FPDFPage_GetAnnot(page, index), raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, rectangle)
    raw.FPDFPage_CloseAnnot(annotation)
    return rectangle.left, rectangle.bottom, rectangle.right, rectangle.top
