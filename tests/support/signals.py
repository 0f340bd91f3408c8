"""Signals of the programs that tests start."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def default_sigint() -> Iterator[None]:
    """Programs started inside react to SIGINT, even if this process ignores it, as a shell's background job does.

    A program inherits an ignored signal, and Python then does not raise `KeyboardInterrupt`.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
