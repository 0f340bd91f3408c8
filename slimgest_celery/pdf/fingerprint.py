"""A hash of everything that a page is drawn from. Pages with equal fingerprints look the same, in any PDF.

Included: content streams, all objects that the resources and annotations refer to, boxes, rotation, and the document's
layers. Not included: object numbers, dates, the place in the document. Streams are hashed as they are stored, because
decoding would cost the time to be saved; so a program that compresses streams again changes the fingerprint.

For worker children with limits only: qpdf parses the PDF.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pikepdf

_OWN_KEYS = ("/Contents", "/Group", "/UserUnit")
_INHERITED_KEYS = ("/CropBox", "/MediaBox", "/Resources", "/Rotate")
# Entries of annotations that do not change their appearance; some refer to all other pages.
_NOT_VISIBLE = {"/A", "/AA", "/Dest", "/IRT", "/Kids", "/M", "/NM", "/P", "/Parent", "/Popup", "/StructParent"}
_REFERENCE = b" R"
# A page with more objects (or KB of objects without streams) or deeper ones than this gets no fingerprint.
_MAX_OBJECTS, _MAX_DEPTH = 20_000, 60
QPDF_ERRORS = (
    pikepdf.PdfError,
    pikepdf.PasswordError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Fingerprints:
    """The fingerprints of one PDF's pages. The PDF is opened for the first one. Shared objects are hashed once."""

    def __init__(self, path: Path, page_count: int) -> None:
        """`page_count` is PDFium's count; qpdf must find the same number of pages."""
        self._path = path
        self._page_count = page_count
        self._opened = False
        self._open: tuple[pikepdf.Pdf, _ObjectHasher] | None = None
        self._pages: list[Any] = []  # those visited so far, in order
        self._others: Iterator[Any] = iter(())

    def of(self, page_number: int) -> bytes | None:
        """The fingerprint of the page with this 1-based number, 32 bytes.

        None if it would not be certain: the PDF is encrypted or damaged, so that qpdf and PDFium may read it
        differently; form fields are drawn from their values; or the page has too many or too deep objects.
        """
        if not self._opened:
            self._opened, self._open = True, self._open_pdf()
        if self._open is None:
            return None
        pdf, hasher = self._open
        try:
            found = hasher.page(self._page(page_number))
        except QPDF_ERRORS:
            found = None
        if pdf.get_warnings():  # qpdf repaired something, by guesses that PDFium may not share
            self.close()
            return None
        return found

    def close(self) -> None:
        """Close the PDF. Afterwards there are no more fingerprints."""
        if self._open is not None:
            self._open[0].close()
        self._open = None

    def _open_pdf(self) -> tuple[pikepdf.Pdf, _ObjectHasher] | None:
        try:
            # Inherited attributes are looked up when needed: otherwise qpdf would copy them to all pages first.
            pdf = pikepdf.open(
                self._path, suppress_warnings=True, attempt_recovery=False, inherit_page_attributes=False
            )
        except QPDF_ERRORS:
            return None
        try:
            if self._is_certain(pdf):
                self._others = _leaves(pdf.Root.Pages, set())
                return pdf, _ObjectHasher(pdf.Root.get("/OCProperties", pikepdf.Dictionary()))
        except QPDF_ERRORS:
            pass
        pdf.close()
        return None

    def _is_certain(self, pdf: pikepdf.Pdf) -> bool:
        form: Any = pdf.Root.get("/AcroForm", {})
        drawn_from_values = bool(form.get("/NeedAppearances", False))
        return not pdf.is_encrypted and not drawn_from_values and pdf.Root.Pages.Count == self._page_count

    def _page(self, page_number: int) -> Any:
        """The page. Visits only the pages before it: `pdf.pages` would first visit all pages."""
        self._pages += islice(self._others, max(0, page_number - len(self._pages)))
        return self._pages[page_number - 1]


def _leaves(node: Any, seen: set[tuple[int, int]]) -> Iterator[Any]:
    """The pages below a node of the page tree, in order, as PDFium finds them: /Count is ignored.

    Raises `ValueError` if the tree has a cycle or too many nodes.
    """
    if node.objgen in seen or len(seen) > _MAX_OBJECTS:
        raise ValueError("a page tree with a cycle or too many nodes")
    seen.add(node.objgen)
    for kid in node["/Kids"]:
        if "/Kids" in kid:
            yield from _leaves(kid, seen)
        else:
            yield kid


def _inherited(page: Any, key: str) -> Any:
    for _ in range(_MAX_DEPTH):
        if key in page:
            return page[key]
        if "/Parent" not in page:
            return None
        page = page["/Parent"]
    raise ValueError("too many parents")


class _ObjectHasher:
    """Serialises objects by their content only. Referenced objects are replaced by hashes of their content.

    A reference in a cycle is replaced by its distance up to the object. Objects in cycles are hashed again for each
    page, because their form depends on the entry point; all others are hashed once.
    """

    def __init__(self, layers: Any) -> None:
        """`layers` is the document's `/OCProperties`, which decide what is visible."""
        self._hashes: dict[tuple[int, int], bytes] = {}
        self._data: dict[tuple[int, int], bytes] = {}
        self._above: dict[tuple[int, int], int] = {}
        self._in_cycle = False
        self._left = _MAX_OBJECTS
        each = list(layers.get("/OCGs", []))
        for index, layer in enumerate(each):  # identified by position: two layers may have the same content
            self._hashes[layer.objgen] = b"Layer%d" % index
        self._layers = b"".join(map(self._content, [layers, *each]))

    def page(self, page: Any) -> bytes:
        self._left = _MAX_OBJECTS
        self._above.clear()  # the page before may have failed halfway
        parts = [self._layers, *(self._serialised(page.get(key)) for key in _OWN_KEYS)]
        parts += [self._serialised(_inherited(page, key)) for key in _INHERITED_KEYS]
        parts += map(self._annotation, page.get("/Annots", []))
        return hashlib.sha256(b"\n".join(parts)).digest()

    def _annotation(self, annotation: Any) -> bytes:
        appearance = self._entries((key, value) for key, value in annotation.items() if key not in _NOT_VISIBLE)
        field = annotation.get("/Parent", {})
        return appearance + self._serialised(field.get("/V"))  # may select one of several appearances of a button

    def _serialised(self, value: Any) -> bytes:
        if not isinstance(value, pikepdf.Object):  # a number, a truth value, nothing
            return repr(value).encode()
        return self._hash(value) if value.is_indirect else self._content(value)

    def _hash(self, value: Any) -> bytes:
        number = value.objgen
        if number in self._hashes:
            return self._hashes[number]
        if number in self._above:
            self._in_cycle = True
            return b"Above%d" % (len(self._above) - self._above[number])
        if len(self._above) > _MAX_DEPTH:
            raise ValueError("too deep objects")
        found, in_cycle = self._below(number, lambda: self._content(value))
        if not in_cycle:
            self._hashes[number] = found
        return found

    def _below(self, number: tuple[int, int], content: Callable[[], bytes]) -> tuple[bytes, bool]:
        """Return an object's hash, and True if an object below it refers back up."""
        outside, self._in_cycle = self._in_cycle, False
        self._above[number] = len(self._above)
        found = b"Hash" + hashlib.sha256(content()).hexdigest().encode()
        del self._above[number]
        in_cycle = self._in_cycle
        self._in_cycle = outside or in_cycle
        return found, in_cycle

    def _spend(self, amount: int) -> None:
        self._left -= 1 + amount
        if self._left < 0:
            raise ValueError("too many objects")

    def _content(self, value: Any) -> bytes:
        if isinstance(value, pikepdf.Stream):
            entries = self._entries((key, held) for key, held in value.stream_dict.items() if key != "/Length")
            return entries + self._stream_hash(value)
        text: bytes = value.unparse(resolved=True)
        self._spend(len(text) >> 10)
        if _REFERENCE not in text:  # most objects; qpdf writes keys sorted
            return text
        if isinstance(value, pikepdf.Array):
            return b"[" + b" ".join(map(self._serialised, value)) + b"]"
        if isinstance(value, pikepdf.Dictionary):
            return self._entries(value.items())
        return text

    def _entries(self, entries: Iterable[tuple[str, Any]]) -> bytes:
        self._spend(0)
        written = (
            key.encode() + b" " + self._serialised(value) for key, value in sorted(entries, key=lambda entry: entry[0])
        )
        return b"<<" + b" ".join(written) + b">>"

    def _stream_hash(self, stream: Any) -> bytes:
        """The hash of a stream's data as stored."""
        number = stream.objgen
        if number not in self._data:
            self._data[number] = hashlib.sha256(memoryview(stream.get_raw_stream_buffer())).hexdigest().encode()
        return self._data[number]
