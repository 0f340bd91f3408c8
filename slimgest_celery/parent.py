"""A process that has no one to work for any more: it ends with its parent, however that ended. Linux only."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(signal_number: int) -> None:
    """Has the kernel send this process a signal when its parent is gone. May run between fork and exec."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal_number)
