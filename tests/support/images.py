"""Images drawn for a test, as files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.support import pdfs


def saved(image: Image.Image, form: str, **how: Any) -> bytes:
    """The image as a file of this format of Pillow."""
    stored = io.BytesIO()
    image.save(stored, form, **how)
    return stored.getvalue()


def tiff(frames: Sequence[Image.Image], compression: str = "group4", **how: Any) -> bytes:
    """A TIFF of several frames."""
    return saved(frames[0], "TIFF", save_all=True, append_images=frames[1:], compression=compression, **how)


def patches(width: int = 300, height: int = 200) -> Image.Image:
    """An image whose corners show if it was turned, mirrored or inverted: red, green, blue and black on white."""
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    for colour, (left, top) in {"red": (0, 0), "lime": (1, 0), "blue": (0, 1), "black": (1, 1)}.items():
        x, y = left * (width - 60), top * (height - 60)
        pen.rectangle((x, y, x + 59, y + 59), fill=colour)
    return image


def numbered(count: int) -> list[Image.Image]:
    """Images that the engine `ByColour` reads as "page 1", "page 2" …"""
    images = []
    for number in range(1, count + 1):
        image = Image.new("RGB", (596, 840), (0, number, 0))
        pen = ImageDraw.Draw(image)
        pen.rectangle((10, 822, 17, 829), fill="black")  # ink, as in pdfs.coloured
        pen.rectangle((50, 822, 57, 829), fill="white")
        images.append(image)
    return images


def fax_page(text: str) -> Image.Image:
    """A page of a fax: 1 bit, 204 x 98 dpi."""
    page = Image.new("L", (1728, 2156), 255)
    ImageDraw.Draw(page).text((150, 300), text, fill=0, font=ImageFont.load_default(60))
    return page.resize((1728, 1078)).convert("1")


def phone_photo() -> bytes:
    """A photograph with 12 million pixels of a printed page on a desk: held sideways, with EXIF, without a resolution.

    Uneven light, noise, and the page a little askew.
    """
    page = pdfs.picture(skew=2).resize((2100, 2976)).convert("RGB")
    photo = Image.new("RGB", (3024, 4032), (120, 90, 60))
    photo.paste(page, (450, 500))
    light = np.linspace(1.0, 0.75, 3024)[None, :, None]
    noise = np.random.default_rng(1).normal(0, 6, (4032, 3024, 1))
    shaded = Image.fromarray(np.clip(np.asarray(photo) * light + noise, 0, 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright, and stores its rows from right to left
    return saved(shaded.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif, dpi=(72, 72))


def png_bomb(side: int = 16_000) -> bytes:
    """A valid PNG in less than 1 MB that decodes to `side` x `side` pixels with 24 bits."""
    squeezer = zlib.compressobj(9)
    row = b"\0" * (1 + 3 * side)
    data = b"".join(squeezer.compress(row * 100) for _ in range(side // 100)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
