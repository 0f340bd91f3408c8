"""What a page is drawn from, as a hash: pages with equal fingerprints look alike, in whatever PDF they stand.

Of a page count its content streams, all that its resources and annotations lead to, its boxes and its rotation, and
the document's layers; neither object numbers nor dates nor its place in the document. Streams count as they are stored,
for decoding them would cost what is to be saved: a program that compresses them anew makes other pages of them.

For limited worker children only: qpdf parses the PDF.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pikepdf

_OWN = ("/Contents", "/Group", "/UserUnit")
_INHERITED = ("/CropBox", "/MediaBox", "/Resources", "/Rotate")
# What annotations say besides their looks; some of it leads to all other pages.
_NO_LOOKS = {"/A", "/AA", "/Dest", "/IRT", "/Kids", "/M", "/NM", "/P", "/Parent", "/Popup", "/StructParent"}
_REFERENCE = b" R"
# A page that leads to more objects (or KB of them, streams aside) than this, or to deeper ones, is not worth it.
_MOST_OBJECTS, _DEEPEST = 20_000, 60
_FAULTS = (
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
    """Those of one PDF's pages. The PDF is opened when the first is asked for; what pages share is hashed once."""

    def __init__(self, path: Path, page_count: int) -> None:
        """`page_count`: the pages that PDFium counts, which has to agree with qpdf on what the document is."""
        self._path = path
        self._page_count = page_count
        self._tried = False
        self._open: tuple[pikepdf.Pdf, _Walk] | None = None
        self._pages: list[Any] = []  # those that were come by, in order
        self._others: Iterator[Any] = iter(())

    def of(self, page_number: int) -> bytes | None:
        """The fingerprint of the page with this 1-based number, 32 bytes.

        None where it would not be certain: in an encrypted or damaged PDF, which qpdf and PDFium may each read in
        their own way; where form fields are to be drawn from their values; and for a page without end or bottom.
        """
        if not self._tried:
            self._tried, self._open = True, self._opened()
        if self._open is None:
            return None
        pdf, walk = self._open
        try:
            found = walk.page(self._page(page_number))
        except _FAULTS:
            found = None
        if pdf.get_warnings():  # something was mended, by guesses that PDFium need not share
            self.close()
            return None
        return found

    def close(self) -> None:
        """Closes the PDF; there are no more fingerprints."""
        if self._open is not None:
            self._open[0].close()
        self._open = None

    def _opened(self) -> tuple[pikepdf.Pdf, _Walk] | None:
        try:
            # What pages inherit is looked up where it is asked for: qpdf would go through all pages to hand it down.
            pdf = pikepdf.open(
                self._path, suppress_warnings=True, attempt_recovery=False, inherit_page_attributes=False
            )
        except _FAULTS:
            return None
        try:
            if self._is_certain(pdf):
                self._others = _leaves(pdf.Root.Pages, set())
                return pdf, _Walk(pdf.Root.get("/OCProperties", pikepdf.Dictionary()))
        except _FAULTS:
            pass
        pdf.close()
        return None

    def _is_certain(self, pdf: pikepdf.Pdf) -> bool:
        form: Any = pdf.Root.get("/AcroForm", {})
        drawn_from_values = bool(form.get("/NeedAppearances", False))
        return not pdf.is_encrypted and not drawn_from_values and pdf.Root.Pages.Count == self._page_count

    def _page(self, page_number: int) -> Any:
        """The page, by a way that is as long as pages are before it: `pdf.pages` would first visit all of them."""
        self._pages += islice(self._others, max(0, page_number - len(self._pages)))
        return self._pages[page_number - 1]


def _leaves(node: Any, seen: set[tuple[int, int]]) -> Iterator[Any]:
    """The pages below a node of the page tree, in order, as PDFium finds them: whatever the nodes say of their number.

    Raises `ValueError` where the tree is none, or deeper than any that makes sense.
    """
    if node.objgen in seen or len(seen) > _MOST_OBJECTS:
        raise ValueError("a page tree that runs in circles, or has more nodes than pages")
    seen.add(node.objgen)
    for kid in node["/Kids"]:
        if "/Kids" in kid:
            yield from _leaves(kid, seen)
        else:
            yield kid


def _inherited(page: Any, key: str) -> Any:
    for _ in range(_DEEPEST):
        if key in page:
            return page[key]
        if "/Parent" not in page:
            return None
        page = page["/Parent"]
    raise ValueError("a page without a top")


class _Walk:
    """Writes objects in a form that depends on what they hold alone; the objects they refer to as hashes of theirs.

    An object that is reached from within itself is written as how far above it stands. Such objects are walked anew
    from each page, for their form depends on where one came in; all others once.
    """

    def __init__(self, layers: Any) -> None:
        """`layers`: the document's `/OCProperties`, which say what is shown of each page."""
        self._hashes: dict[tuple[int, int], bytes] = {}
        self._data: dict[tuple[int, int], bytes] = {}
        self._above: dict[tuple[int, int], int] = {}
        self._in_circle = False
        self._left = _MOST_OBJECTS
        each = list(layers.get("/OCGs", []))
        for index, layer in enumerate(each):  # shown or not by which it is: two may hold the same
            self._hashes[layer.objgen] = b"Layer%d" % index
        self._layers = b"".join(map(self._content, [layers, *each]))

    def page(self, page: Any) -> bytes:
        self._left = _MOST_OBJECTS
        self._above.clear()  # the page before may have been given up in the middle
        parts = [self._layers, *(self._form(page.get(key)) for key in _OWN)]
        parts += [self._form(_inherited(page, key)) for key in _INHERITED]
        parts += map(self._annotation, page.get("/Annots", []))
        return hashlib.sha256(b"\n".join(parts)).digest()

    def _annotation(self, annotation: Any) -> bytes:
        looks = self._entries((key, value) for key, value in annotation.items() if key not in _NO_LOOKS)
        field = annotation.get("/Parent", {})
        return looks + self._form(field.get("/V"))  # may say which of several looks a button has

    def _form(self, value: Any) -> bytes:
        if not isinstance(value, pikepdf.Object):  # a number, a truth value, nothing
            return repr(value).encode()
        return self._hash(value) if value.is_indirect else self._content(value)

    def _hash(self, value: Any) -> bytes:
        number = value.objgen
        if number in self._hashes:
            return self._hashes[number]
        if number in self._above:
            self._in_circle = True
            return b"Above%d" % (len(self._above) - self._above[number])
        if len(self._above) > _DEEPEST:
            raise ValueError("a page without a bottom")
        found, in_circle = self._below(number, lambda: self._content(value))
        if not in_circle:
            self._hashes[number] = found
        return found

    def _below(self, number: tuple[int, int], content: Callable[[], bytes]) -> tuple[bytes, bool]:
        """An object's hash, and whether anything below it leads back up."""
        outside, self._in_circle = self._in_circle, False
        self._above[number] = len(self._above)
        found = b"Hash" + hashlib.sha256(content()).hexdigest().encode()
        del self._above[number]
        in_circle = self._in_circle
        self._in_circle = outside or in_circle
        return found, in_circle

    def _spend(self, amount: int) -> None:
        self._left -= 1 + amount
        if self._left < 0:
            raise ValueError("a page without an end")

    def _content(self, value: Any) -> bytes:
        if isinstance(value, pikepdf.Stream):
            entries = self._entries((key, held) for key, held in value.stream_dict.items() if key != "/Length")
            return entries + self._stored(value)
        text: bytes = value.unparse(resolved=True)
        self._spend(len(text) >> 10)
        if _REFERENCE not in text:  # most objects; qpdf has written them sorted
            return text
        if isinstance(value, pikepdf.Array):
            return b"[" + b" ".join(map(self._form, value)) + b"]"
        if isinstance(value, pikepdf.Dictionary):
            return self._entries(value.items())
        return text

    def _entries(self, entries: Iterable[tuple[str, Any]]) -> bytes:
        self._spend(0)
        written = (
            key.encode() + b" " + self._form(value) for key, value in sorted(entries, key=lambda entry: entry[0])
        )
        return b"<<" + b" ".join(written) + b">>"

    def _stored(self, stream: Any) -> bytes:
        """The hash of a stream's data as they are stored."""
        number = stream.objgen
        if number not in self._data:
            self._data[number] = hashlib.sha256(memoryview(stream.get_raw_stream_buffer())).hexdigest().encode()
        return self._data[number]
