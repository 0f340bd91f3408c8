"""Images as PDFs: what is shown, what is kept unchanged, what is refused."""

from __future__ import annotations

import io
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pikepdf
import pytest
from PIL import Image

from slimgest_celery.errors import ImageTooLarge, ImageUnreadable, ImageUnsupported, JobFailure, PdfTooManyPages
from slimgest_celery.models.file_type import FileType
from slimgest_celery.pdf import image_conversion
from slimgest_celery.pdf.document import open_pdf
from tests.support import images

RED, GREEN, BLUE, BLACK, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)
PATCHES = images.patches()


class _Converted:
    """The PDF made of an image."""

    def __init__(self, folder: Path, content: bytes, **limits: Any) -> None:
        source, self._pdf = folder / "image", folder / "image.pdf"
        source.write_bytes(content)
        with self._pdf.open("w+b") as target:
            chosen = {"max_pixels": 40_000_000, "max_frames": 100, **limits}
            image_conversion.image_to_pdf(source, target, **chosen)

    def shown(self) -> list[np.ndarray[Any, Any]]:
        """The pages as PDFium draws them."""
        pdf = open_pdf(self._pdf)
        try:
            drawn = []
            for number in range(1, len(pdf) + 1):
                with pdf.page(number) as page:
                    drawn.append(page.render(100, 40_000_000).image)
            return drawn
        finally:
            pdf.close()

    def corners(self) -> list[tuple[int, ...]]:
        """The colours in the corners of the first page, clockwise from the upper left; and in its middle."""
        page = self.shown()[0]
        height, width = page.shape[:2]
        places = [(0.06, 0.06), (0.06, 0.94), (0.94, 0.94), (0.94, 0.06), (0.5, 0.5)]
        colours = [page[int(down * height), int(across * width)] for down, across in places]
        return [tuple((0, 128, 255)[round(int(value) / 127.5)] for value in colour) for colour in colours]

    def stored(self) -> list[tuple[str, bytes]]:
        """The filter and the data of the image on each page."""
        with pikepdf.open(self._pdf) as pdf:
            found = [_image_of(page) for page in pdf.pages]
            filters = [pikepdf.PdfImage(image).filters[0] for image in found]
            return [(name, image.read_raw_bytes()) for name, image in zip(filters, found, strict=True)]

    def sizes_pt(self) -> list[tuple[int, int]]:
        with pikepdf.open(self._pdf) as pdf:
            return [(round(float(page.mediabox[2])), round(float(page.mediabox[3]))) for page in pdf.pages]


def _image_of(page: pikepdf.Page) -> pikepdf.Object:
    return next(iter(page.Resources.XObject.values()))


UPRIGHT = [RED, GREEN, BLACK, BLUE, WHITE]


@pytest.mark.parametrize(
    "content",
    [
        images.saved(PATCHES, "JPEG", quality=95),
        images.saved(PATCHES, "JPEG", quality=95, progressive=True),
        images.saved(PATCHES, "PNG"),
        images.saved(PATCHES.quantize(8), "PNG"),
        images.saved(PATCHES, "WEBP", lossless=True),
        images.saved(PATCHES, "WEBP", quality=95),
        images.saved(PATCHES, "BMP"),
        images.saved(PATCHES, "GIF"),
        images.saved(PATCHES, "JPEG2000"),
        images.saved(PATCHES, "JPEG2000", no_jp2=True),
        images.saved(PATCHES, "TIFF"),
        images.saved(PATCHES, "TIFF", compression="tiff_lzw"),
        images.saved(PATCHES, "TIFF", compression="tiff_deflate"),
        images.saved(PATCHES, "TIFF", compression="jpeg", quality=95),
        images.saved(PATCHES.quantize(8), "TIFF"),
    ],
    ids=range(15),
)
def test_every_form_of_image_is_shown_as_it_is(tmp_path: Path, content: bytes) -> None:
    assert _Converted(tmp_path, content).corners() == UPRIGHT


@pytest.mark.parametrize(("form", "how"), [("JPEG", {"quality": 95}), ("TIFF", {"compression": "tiff_lzw"})])
def test_an_image_in_the_colours_of_print_is_neither_inverted_nor_converted(
    tmp_path: Path, form: str, how: dict[str, Any]
) -> None:
    converted = _Converted(tmp_path, images.saved(PATCHES.convert("CMYK"), form, **how))
    assert converted.corners() == [RED, (0, 128, 128), BLACK, (0, 0, 128), WHITE]  # green and blue as printed
    with pikepdf.open(tmp_path / "image.pdf") as pdf:
        assert _image_of(pdf.pages[0]).ColorSpace == pikepdf.Name.DeviceCMYK


@pytest.mark.parametrize("compression", [None, "group3", "group4", "tiff_ccitt", "packbits"])
def test_one_bit_images_are_neither_inverted_nor_stretched(tmp_path: Path, compression: str | None) -> None:
    image = Image.new("1", (400, 300), 1)
    image.paste(0, (0, 0, 200, 100))
    page = _Converted(tmp_path, images.saved(image, "TIFF", compression=compression)).shown()[0]
    height, width = page.shape[:2]
    assert page[height // 6, width // 4].max() == 0 and page[height * 2 // 3, width * 3 // 4].min() == 255
    assert page.mean() / 255 == pytest.approx(5 / 6, abs=0.01)


@pytest.mark.parametrize("dtype", ["uint16", ">u2", "uint32", "float32"])
def test_grey_values_of_more_than_eight_bits_become_shades(tmp_path: Path, dtype: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 512), (64, 1)).astype(dtype.replace("uint32", "int32"))
    page = _Converted(tmp_path, images.saved(Image.fromarray(ramp), "TIFF")).shown()[0]
    row = page[page.shape[0] // 2, :, 0].astype(int)
    assert row[1] < 8 and row[-2] > 247 and abs(row[len(row) // 2] - 127) < 8


def test_a_png_with_16_bits_is_shown_as_shades(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 512), (64, 1)).astype("uint16")
    row = _Converted(tmp_path, images.saved(Image.fromarray(ramp), "PNG")).shown()[0][20, :, 0].astype(int)
    assert row[1] < 8 and row[-2] > 247 and abs(row[len(row) // 2] - 127) < 8


def test_a_scan_with_12_bits_in_16_is_not_black(tmp_path: Path) -> None:
    image = Image.fromarray(np.full((64, 64), 4095, np.uint16))
    assert _Converted(tmp_path, images.saved(image, "TIFF")).shown()[0].min() > 250


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "GIF"])
def test_transparency_is_shown_on_white(tmp_path: Path, form: str) -> None:
    image = PATCHES.convert("RGBA")
    image.putalpha(Image.eval(PATCHES.convert("L"), lambda grey: 0 if grey == 255 else 255))
    assert _Converted(tmp_path, images.saved(image, form)).corners() == UPRIGHT
    image = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    assert _Converted(tmp_path, images.saved(image, form)).shown()[0].min() == 255


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_and_mirrored_as_exif_says(tmp_path: Path, form: str, orientation: int) -> None:
    """The stored image is what a camera in this position sees: turned back, it is upright."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = PATCHES.transpose(undo[orientation]) if orientation > 1 else PATCHES
    exif = Image.Exif()
    exif[0x0112] = orientation
    converted = _Converted(tmp_path, images.saved(stored, form, exif=exif))
    assert converted.corners() == UPRIGHT
    height, width = converted.shown()[0].shape[:2]
    assert width > height


def test_a_sideways_tiff_with_two_resolutions_keeps_its_proportions(tmp_path: Path) -> None:
    stored = PATCHES.resize((300, 400)).transpose(Image.Transpose.ROTATE_90)  # upright: 300 x 400 at 100 x 200 dpi
    exif = Image.Exif()
    exif[0x0112] = 6
    content = images.saved(stored, "TIFF", exif=exif, dpi=(200, 100), compression="tiff_lzw")
    assert _Converted(tmp_path, content).sizes_pt() == [(216, 144)]


@pytest.mark.parametrize(
    ("content", "stored_filter"),
    [
        (images.saved(PATCHES, "JPEG"), "/DCTDecode"),
        (images.saved(PATCHES, "JPEG2000"), "/JPXDecode"),
    ],
    ids=["jpeg", "jpeg2000"],
)
def test_the_data_of_a_file_are_kept_unchanged(tmp_path: Path, content: bytes, stored_filter: str) -> None:
    assert _Converted(tmp_path, content).stored() == [(stored_filter, content)]


def test_the_data_of_a_png_are_kept_unchanged(tmp_path: Path) -> None:
    content = images.saved(PATCHES, "PNG")
    ((stored_filter, data),) = _Converted(tmp_path, content).stored()
    assert stored_filter == "/FlateDecode" and len(data) > 300 and data in content


def test_the_data_of_a_group_4_tiff_are_kept_unchanged_on_every_page(tmp_path: Path) -> None:
    pages = [images.fax_page(f"Page {number}") for number in range(3)]
    content = images.tiff(pages, tiffinfo={278: 1078}, strip_size=1 << 20)
    stored = _Converted(tmp_path, content).stored()
    assert [stored_filter for stored_filter, _ in stored] == ["/CCITTFaxDecode"] * 3
    assert all(len(data) > 300 and data in content for _, data in stored)


def test_the_pixels_of_other_images_are_kept(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 255, (90, 70, 3), np.uint8))
    for content in (
        images.saved(noise, "TIFF", compression="tiff_lzw"),
        images.saved(noise, "BMP"),
        images.saved(noise, "WEBP", lossless=True),
    ):
        _Converted(tmp_path, content)
        with pikepdf.open(tmp_path / "image.pdf") as pdf:
            kept = pikepdf.PdfImage(_image_of(pdf.pages[0])).as_pil_image()
        assert np.array_equal(np.asarray(kept.convert("RGB")), np.asarray(noise))


def test_each_frame_of_a_tiff_is_a_page_and_each_may_differ(tmp_path: Path) -> None:
    frames = [PATCHES, PATCHES.convert("1"), PATCHES.convert("L").resize((150, 100)), PATCHES.convert("CMYK")]
    converted = _Converted(tmp_path, images.tiff(frames, "raw", dpi=(100, 100)))
    assert converted.sizes_pt() == [(216, 144), (216, 144), (108, 72), (216, 144)]


def test_a_tiff_of_several_parts_has_all_its_pages_in_order(tmp_path: Path) -> None:
    pages = _Converted(tmp_path, images.tiff(images.numbered(37), "tiff_lzw")).shown()
    assert [int(page[5, 5, 1]) for page in pages] == list(range(1, 38))


def test_of_an_animation_the_first_frame_is_a_page(tmp_path: Path) -> None:
    for form in ("GIF", "PNG", "WEBP"):
        content = images.saved(PATCHES, form, save_all=True, append_images=[Image.new("RGB", PATCHES.size)])
        converted = _Converted(tmp_path, content)
        assert len(converted.shown()) == 1 and converted.corners() == UPRIGHT


def test_of_a_jpeg_with_previews_the_first_image_is_a_page(tmp_path: Path) -> None:
    content = images.saved(PATCHES, "MPO", save_all=True, append_images=[Image.new("RGB", (80, 60))])
    assert len(_Converted(tmp_path, content).shown()) == 1


def test_a_heic_image_is_read(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    assert _Converted(tmp_path, images.saved(PATCHES, "HEIF", quality=95)).corners() == UPRIGHT


def test_a_heic_image_without_its_library_is_refused_with_what_to_install(tmp_path: Path) -> None:
    with mock.patch.dict(sys.modules, {"pillow_heif": None}), pytest.raises(ImageUnsupported) as refused:
        _Converted(tmp_path, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert "slimgest[heif]" in refused.value.hint


@pytest.mark.parametrize(
    ("pixels", "dpi", "size_inches"),
    [
        ((2480, 3508), (300, 300), (8.27, 11.69)),  # a scan
        ((1728, 1078), (204, 98), (8.47, 11)),  # a fax
        ((3024, 4032), (72, 72), (10.08, 13.44)),  # a phone's photo
        ((800, 600), None, (8.33, 6.25)),  # a screenshot
        ((1240, 1754), None, (8.27, 11.7)),
        ((1240, 1754), (1, 1), (8.27, 11.7)),
        ((1240, 1754), (300, 10_000), (8.27, 11.7)),
        ((400, 40_000), None, (2, 200)),  # no page of a PDF is longer
    ],
)
def test_the_size_of_a_page_is_plausible(
    tmp_path: Path, pixels: tuple[int, int], dpi: tuple[int, int] | None, size_inches: tuple[float, float]
) -> None:
    how = {"dpi": dpi} if dpi else {}
    content = images.saved(Image.new("L", pixels, 255), "TIFF", compression="tiff_lzw", **how)
    size_pt = _Converted(tmp_path, content).sizes_pt()[0]
    assert size_pt == pytest.approx([side * 72 for side in size_inches], rel=0.01)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000"])
def test_an_incomplete_image_is_refused(tmp_path: Path, form: str) -> None:
    """PDFium would show an empty page, which would be read as a success."""
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 255, (200, 200, 3), np.uint8))
    content = images.saved(noise, form)
    with pytest.raises(ImageUnreadable):
        _Converted(tmp_path, content[: len(content) * 2 // 3])


@pytest.mark.parametrize("head", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", b"RIFF\0\0\0\0WEBP"])
def test_a_file_that_only_begins_as_an_image_is_refused(tmp_path: Path, head: bytes) -> None:
    for rest in (b"", b"\0" * 100, bytes(range(256)) * 8):
        with pytest.raises(ImageUnreadable):
            _Converted(tmp_path, head + rest)


def test_damaged_images_are_read_or_refused_with_a_code(tmp_path: Path) -> None:
    one_bit = PATCHES.convert("1")
    wholes = [images.saved(PATCHES, form.value) for form in FileType if form not in (FileType.PDF, FileType.HEIC)]
    wholes += [
        images.tiff([PATCHES] * 2, "jpeg"),
        images.tiff([one_bit] * 2, "group4"),
        images.tiff([one_bit], "group3"),
    ]
    chance = random.Random(17)
    ends: Counter[str] = Counter()
    for _ in range(500):
        damaged = bytearray(chance.choice(wholes))
        for _ in range(chance.choice((1, 3, 20))):
            damaged[chance.randrange(min(len(damaged), chance.choice((64, 400, 1 << 20))))] = chance.randrange(256)
        try:
            _Converted(tmp_path, bytes(damaged), max_pixels=200_000)
            ends["read"] += 1
        except JobFailure as error:
            ends[error.code] += 1
    assert set(ends) == {"read", "image.unreadable", "image.too_large"}


def test_the_same_image_becomes_the_same_pdf(tmp_path: Path) -> None:
    """The page cache recognises an image that is sent again by the content of its PDF."""
    for content in (images.saved(PATCHES, "JPEG"), images.tiff(images.numbered(20), "tiff_lzw")):
        first, second = ((_Converted(tmp_path, content), (tmp_path / "image.pdf").read_bytes())[1] for _ in range(2))
        assert first == second


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with mock.patch.object(Image.Image, "load", side_effect=AssertionError), pytest.raises(ImageTooLarge) as refused:
        _Converted(tmp_path, images.png_bomb(1000), max_pixels=199_999)
    assert "1000 × 1000" in refused.value.message


def test_a_bomb_in_a_later_frame_is_refused(tmp_path: Path) -> None:
    for compression in ("group4", "tiff_lzw"):
        frames = [Image.new("1", size, 1) for size in ((100, 100), (1000, 1000))]
        with pytest.raises(ImageTooLarge):
            _Converted(tmp_path, images.tiff(frames, compression), max_pixels=20_000)


def test_an_image_of_five_pages_pixels_is_read(tmp_path: Path) -> None:
    assert len(_Converted(tmp_path, images.saved(PATCHES, "PNG"), max_pixels=12_000).shown()) == 1


def test_a_tiff_with_more_pages_than_a_job_may_have_is_refused(tmp_path: Path) -> None:
    frames = [PATCHES] * 5
    assert len(_Converted(tmp_path, images.tiff(frames, "raw"), max_frames=5).shown()) == 5
    with pytest.raises(PdfTooManyPages):
        _Converted(tmp_path, images.tiff(frames, "raw"), max_frames=4)


def test_a_file_that_img2pdf_refuses_is_stored_by_its_pixels(tmp_path: Path) -> None:
    convert = image_conversion.img2pdf.convert
    calls = []

    def refuse_first(files: list[bytes], **how: Any) -> object:
        calls.append(files)
        if len(calls) == 1:
            how["outputstream"].write(b"half a PDF")
            raise Exception("only enumerated color method supported")
        return convert(files, **how)

    with mock.patch.object(image_conversion.img2pdf, "convert", refuse_first):
        converted = _Converted(tmp_path, images.saved(PATCHES, "JPEG2000"))
    assert converted.corners() == UPRIGHT and len(calls) == 2


def test_each_frame_is_within_the_limits(tmp_path: Path) -> None:
    inside: list[int] = []

    @contextmanager
    def limits() -> Iterator[None]:
        inside.append(1)
        yield

    source = tmp_path / "image"
    for compression in ("group4", "tiff_lzw"):
        inside.clear()
        source.write_bytes(images.tiff([PATCHES.convert("1")] * 20, compression))
        image_conversion.image_to_pdf(source, io.BytesIO(), max_pixels=10**6, max_frames=50, limits=limits)
        assert len(inside) >= 20
