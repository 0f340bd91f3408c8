"""Convert an image to a PDF with one page per frame. For limited worker children only.

The PDF takes the place of the upload, so that every later step knows PDFs only. It holds the image's own data wherever
PDF can: JPEG, JPEG 2000, PNG without transparency or interlacing, TIFF in CCITT group 4. All other frames are stored
without loss. Pillow decodes every frame once, because a PDF with a damaged image in it would show an empty page.
"""

from __future__ import annotations

import io
import logging
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import img2pdf
import numpy as np
import pikepdf
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from slimgest_celery.errors import ImageTooLarge, ImageUnreadable, ImageUnsupported, PdfTooManyPages
from slimgest_celery.models.file_type import HEAD_BYTES, FileType, recognise

Limits = Callable[[], AbstractContextManager[None]]
Resolution = tuple[float, float]  # across and down, dots per inch

BOMB_FACTOR = 5  # a larger image than this many of the largest rendered page is refused before it is decoded
_FRAMES_PER_PART = 16  # of the PDF in memory at once: 16 colour scans have some 200 MB
_JPEG_CHECK_SCALE = 8  # a JPEG is checked at this fraction of its size: all its data are read, few pixels are kept
_LIBRARY_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, EOFError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip  # all that Pillow raises for damaged files

# Cameras and editors write 72 dpi without a meaning; no scanner has more than 4800 dpi.
_PLAUSIBLE_DPI = (75.0, 4800.0)
_MAX_ASPECT = 4.0  # between the two resolutions; a fax has 204 x 98 dpi
# Without a plausible resolution, the short side is taken for that of A4, within these limits.
_A4_WIDTH_INCHES, _DEFAULT_DPI = 8.27, (96.0, 300.0)
_MAX_SIDE_INCHES = 200.0  # of a page of a PDF
_POINTS_PER_INCH = 72

_MIRRORED, _SIDEWAYS = (2, 4, 5, 7), (5, 6, 7, 8)  # orientations in EXIF

_log = logging.getLogger(__name__)
logging.getLogger("img2pdf").setLevel(logging.ERROR)  # its warnings are advice for users of its command


def image_to_pdf(
    source: Path, target: BinaryIO, *, max_pixels: int, max_frames: int, limits: Limits = nullcontext
) -> None:
    """Write the frames of an image as the pages of a PDF, each inside `limits()`.

    Raises `ImageUnreadable`, `ImageTooLarge`, `ImageUnsupported`, `PdfTooManyPages` or `FileNotFoundError`.
    """
    with source.open("rb") as file:
        with limits(), _library_errors():
            image = _open(file)
            _check_size(image, max_pixels)
            frame_count = _count_frames(image, max_frames)
            is_kept = _fits_into_pdf(image, frame_count)
        if is_kept and _embed_file(image, frame_count, file, target, max_pixels, limits):
            return
        with _library_errors():
            image = _open(file)
        _embed_frames(image, frame_count, target, max_pixels, limits)


# --- Open -------------------------------------------------------------------------------------------------------------


def _open(file: BinaryIO) -> Image.Image:
    """Open an image of the type that its first bytes show: Pillow knows more formats, and some start programs."""
    Image.MAX_IMAGE_PIXELS = None  # `_check_size` has a limit of its own
    file.seek(0)
    file_type = recognise(file.read(HEAD_BYTES))
    file.seek(0)
    if file_type is None or not file_type.is_image:
        raise ImageUnreadable
    if file_type is FileType.HEIC:
        _register_heif()
    return Image.open(file, formats=[file_type.value])


def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError:
        raise ImageUnsupported from None
    pillow_heif.register_heif_opener()


@contextmanager
def _library_errors() -> Iterator[None]:
    """Raise the many errors of image libraries as `ImageUnreadable`, and drop their warnings."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except _LIBRARY_ERRORS as error:
        _log.info("image not readable: %s: %s", type(error).__name__, error)
        raise ImageUnreadable from error


def _count_frames(image: Image.Image, max_frames: int) -> int:
    """Return the number of pages. Only a TIFF has several: the frames of other formats are animation or previews."""
    if image.format != FileType.TIFF:
        return 1
    count = 0
    while count <= max_frames:
        try:
            image.seek(count)
        except EOFError:
            image.seek(0)
            return count
        count += 1
    raise PdfTooManyPages(
        "The image has more pages than this service reads in one job (SLIMGEST_MAX_PAGES).", hint="Divide the image."
    )


def _seek(image: Image.Image, frame: int, max_pixels: int) -> None:
    """Go to a frame, without decoding it. Raises `ImageTooLarge`."""
    if image.format == FileType.TIFF:
        image.seek(frame)
    _check_size(image, max_pixels)


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > BOMB_FACTOR * max_pixels:
        raise ImageTooLarge(
            f"The image has {image.width} × {image.height} pixels; "
            f"this service reads up to {BOMB_FACTOR * max_pixels // 1_000_000} million."
        )


# --- Embed the file as it is ------------------------------------------------------------------------------------------


def _fits_into_pdf(image: Image.Image, frame_count: int) -> bool:
    """Return True if PDF can hold the data of this file unchanged, in the orientation in which it is displayed."""
    if image.format in ("JPEG", "MPO"):
        return _orientation(image) not in _MIRRORED  # a PDF can turn a page, but not mirror it
    if _orientation(image) != 1 or image.has_transparency_data:
        return False
    if image.format == FileType.JPEG2000:
        return image.mode in ("L", "RGB")
    if image.format == FileType.TIFF:
        return all(_is_group4(image, frame) for frame in range(frame_count))
    return image.format == FileType.PNG and not image.info.get("interlace")


def _is_group4(image: Image.Image, frame: int) -> bool:
    image.seek(frame)
    assert isinstance(image, TiffImagePlugin.TiffImageFile)  # noqa: S101 - for the type checker
    tags = image.tag_v2
    return (
        image.mode == "1"
        and image.info.get("compression") == "group4"
        and len(tags.get(TiffImagePlugin.STRIPOFFSETS, ())) == 1
        and _orientation(image) == 1
    )


def _orientation(image: Image.Image) -> int:
    """Return the orientation of the current frame as EXIF counts it, before Pillow has turned it."""
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def _embed_file(
    image: Image.Image, frame_count: int, file: BinaryIO, target: BinaryIO, max_pixels: int, limits: Limits
) -> bool:
    """Check every frame, then write the PDF. Return False if img2pdf refuses the file."""
    resolutions = []
    for frame in range(frame_count):
        with limits(), _library_errors():
            _seek(image, frame, max_pixels)
            resolutions.append(_resolution(image))
            if image.format in ("JPEG", "MPO"):
                image.draft(None, (image.width // _JPEG_CHECK_SCALE, image.height // _JPEG_CHECK_SCALE))
            image.load()
    with limits():
        try:
            file.seek(0)
            _convert([file.read()], resolutions, target)
        except Exception:  # img2pdf raises plain exceptions; the file can be decoded, so its pixels are stored
            _log.info("image not embedded as it is", exc_info=True)
            target.seek(0)
            target.truncate()
            return False
    return True


def _convert(images: list[bytes], resolutions: Sequence[Resolution], target: BinaryIO) -> None:
    """Write a PDF of these files. `resolutions` has one entry per page."""
    left = iter(resolutions)

    def page_size(width: int, height: int, _: Any) -> tuple[float, float, float, float]:
        across, down = next(left)
        size = width / across * _POINTS_PER_INCH, height / down * _POINTS_PER_INCH
        return *size, *size

    img2pdf.convert(
        images,
        outputstream=target,
        layout_fun=page_size,
        rotation=img2pdf.Rotation.ifvalid,
        first_frame_only=len(resolutions) == 1,
        nodate=True,
    )


# --- Embed the pixels of its frames -----------------------------------------------------------------------------------


def _embed_frames(image: Image.Image, frame_count: int, target: BinaryIO, max_pixels: int, limits: Limits) -> None:
    """Write a PDF of the frames. Parts of it lie in temporary files, so that the memory needed is that of one part."""
    with ExitStack() as closing:
        parts = []
        for start in range(0, frame_count, _FRAMES_PER_PART):
            files, resolutions = [], []
            for frame in range(start, min(start + _FRAMES_PER_PART, frame_count)):
                with limits(), _library_errors():
                    _seek(image, frame, max_pixels)
                    across, down = _resolution(image)
                    resolutions.append((down, across) if _orientation(image) in _SIDEWAYS else (across, down))
                    files.append(_encode(image))
            part = target if frame_count <= _FRAMES_PER_PART else closing.enter_context(tempfile.TemporaryFile())
            parts.append(part)
            with limits():
                _convert(files, resolutions, part)
        if len(parts) > 1:
            with limits():
                _join(parts, target)


def _join(parts: list[BinaryIO], target: BinaryIO) -> None:
    with ExitStack() as closing:
        whole = closing.enter_context(pikepdf.new())
        for part in parts:
            whole.pages.extend(closing.enter_context(pikepdf.open(part)).pages)
        whole.save(target, deterministic_id=True)


def _encode(image: Image.Image) -> bytes:
    """Return the current frame upright and without transparency, as a file whose data img2pdf embeds unchanged."""
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    plain = _on_white(image)
    plain.info.clear()  # Pillow would store some of it again
    stored = io.BytesIO()
    if plain.mode in ("1", "CMYK"):  # img2pdf compresses them itself: as CCITT group 4; PNG has no CMYK
        plain.copy().save(stored, "TIFF")
    else:
        plain.save(stored, "PNG", compress_level=1)  # three times as fast as the default, 5 to 10 % larger
    return stored.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    """Return the image in mode 1, L, RGB or CMYK."""
    if image.has_transparency_data:
        drawing = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(drawing, mask=drawing.getchannel("A"))
        return white
    if image.mode.startswith(("I", "F")):
        return _to_8_bits(image)
    if image.mode == "LAB":
        return image.getchannel("L")
    return image if image.mode in ("1", "L", "RGB", "CMYK") else image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Return grey values of more than 8 bits as 8: the highest bits that occur, for 10 or 12 bits may be in use."""
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0:
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        scaled = (np.nan_to_num(values, nan=high) - low) * (255 / (high - low) if high > low else 0)
        return Image.fromarray(scaled.astype(np.uint8))
    unused_bits = max(8, int(values.max()).bit_length()) - 8
    return Image.fromarray((values >> unused_bits).astype(np.uint8))


# --- Resolution -------------------------------------------------------------------------------------------------------


def _resolution(image: Image.Image) -> Resolution:
    """Return the resolution of the current frame: that of the file if it is plausible, else that of an A4 page.

    As stored, before the frame is turned.
    """
    across, down = _stored_resolution(image)
    low, high = _PLAUSIBLE_DPI
    if not (low <= across <= high and low <= down <= high and 1 / _MAX_ASPECT <= across / down <= _MAX_ASPECT):
        low, high = _DEFAULT_DPI
        across = down = min(max(min(image.size) / _A4_WIDTH_INCHES, low), high)
    oversize = max(1.0, image.width / across / _MAX_SIDE_INCHES, image.height / down / _MAX_SIDE_INCHES)
    return across * oversize, down * oversize


def _stored_resolution(image: Image.Image) -> Resolution:
    try:
        across, down = image.info["dpi"]
        return float(across), float(down)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0.0, 0.0
