"""The page with which an engine warms up."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def built_in_page() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a page of printed text, A4 at 150 dpi: engines compile for the image sizes of real pages."""
    page = Image.new("RGB", (1240, 1754), "white")
    draw = ImageDraw.Draw(page)
    for row, size in enumerate((40, 28, 28, 22, 22, 22)):
        text = "slimgest warms up its engine on this page of print, 0123456789."[: 60 - 7 * row]
        draw.text((90, 120 + 110 * row), text, fill="black", font=ImageFont.load_default(size))
    return np.asarray(page)
