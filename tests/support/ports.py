"""Free TCP ports for the servers that tests start."""

from __future__ import annotations

import os
import random
import socket
from itertools import cycle

# The kernel gives ports from 32768 on to outgoing connections and to servers that ask for any port. Between the choice
# of such a port and the start of its server, another process could get the same one. So tests choose lower ports, and
# each process of pytest-xdist has a thousand of its own.
_FIRST, _EACH, _PROCESSES = 12_000, 1_000, 20


def _own_ports() -> range:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # gw0, gw1, …
    number = int(worker.removeprefix("gw")) if worker else os.getpid()
    first = _FIRST + number % _PROCESSES * _EACH
    return range(first, first + _EACH)


# A random start, so that two runs of the tests on one machine seldom try the same port.
_START = random.randrange(_EACH)
_PORTS = cycle([*_own_ports()[_START:], *_own_ports()[:_START]])


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now, and that this process has not returned for a long time."""
    for _ in range(_EACH):
        port = next(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError(f"all {_EACH} ports of this process of the tests are in use")
