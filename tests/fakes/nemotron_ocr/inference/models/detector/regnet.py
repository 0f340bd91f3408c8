"""The backbone, for which the wheel downloads weights."""

from __future__ import annotations

from typing import Any

downloads = 0


def _regnet(arch: str, block_params: Any, pretrained: bool, progress: bool, **kwargs: Any) -> str:
    global downloads
    downloads += pretrained
    return arch


def regnet_y_8gf(pretrained: bool = False, progress: bool = True, **kwargs: Any) -> str:
    return _regnet("regnet_y_8gf", None, pretrained, progress, **kwargs)
