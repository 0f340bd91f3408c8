"""Limits of a process: its end with its parent, its memory, a full disk, and no telemetry of its libraries."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_LIBRARIES_MB = 1024  # address space of Python, numpy, PDFium and qpdf themselves
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(signal_number: int) -> None:
    """Ask the kernel to send this process a signal when its parent ends. May run between fork and exec."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal_number)


def resident_bytes() -> int:
    """Return this process's resident memory; 0 where the system has no /proc (memory is then not limited)."""
    try:
        # As few steps as possible: between two calls, the data of the engine displace Python's in the CPU caches.
        file = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(file, 128).split()[1]) * _PAGE_BYTES
    finally:
        os.close(file)


def is_out_of_space(error: BaseException) -> bool:
    """Return True for an error of the operating system that a full disk, or the user's quota, has caused."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def forbid_openvino_telemetry() -> None:
    """Make the import of OpenVINO's telemetry fail; OpenVINO then uses a stub.

    Otherwise the import of OpenVINO writes a client id to the home folder, or fails where it cannot, and contacts an
    analytics service.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def limit_helper_process(limit_mb: int, parent: int) -> bool:
    """Limit this helper process, which parses an untrusted PDF: its memory, and its life to that of its parent.

    `limit_mb` is address space beyond what Python and its libraries need. Return False if the process with the id
    `parent` has ended already. Ignores SIGINT: Ctrl-C is for the supervisor.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before this process asked for the signal
        return False
    limit_bytes = (limit_mb + _LIBRARIES_MB) << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    return True
