"""The system calls of a sandbox: Landlock for files and TCP, seccomp for programs. Linux only; they need no privilege.

Landlock (landlock(7)) applies to the calling thread and to all threads and processes that it starts afterwards: call
`restrict_access` before other threads exist. seccomp (seccomp(2)) applies to all threads of the process. Both last
until the process ends, and its children inherit them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_LANDLOCK_CREATE, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT = 444, 445, 446  # the same on all architectures
_ABI_VERSION_FLAG = 1
_RULE_PATH, _RULE_PORT = 1, 2
_CONNECT_TCP, _BIND_TCP = 2, 1

# File accesses, by bit
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}  # 2: move to another folder; 3: truncate
_TRUNCATE = 1 << 14
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE  # the others are accesses of folders

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _GET_ACTION_AVAIL, _ALL_THREADS = 1, 2, 1
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM

# Numbers of the system calls that start programs, look into other processes, or change the system around the process.
_REFUSED = {
    "x86_64": {
        "execve": 59, "execveat": 322, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
        "pidfd_getfd": 438, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272,
        "setns": 308, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "keyctl": 250,
        "add_key": 248, "request_key": 249, "kexec_load": 246, "init_module": 175, "finit_module": 313,
        "delete_module": 176, "open_by_handle_at": 304, "reboot": 169, "swapon": 167,
    },
    "aarch64": {
        "execve": 221, "execveat": 281, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
        "pidfd_getfd": 438, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97,
        "setns": 268, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425, "keyctl": 219,
        "add_key": 217, "request_key": 218, "kexec_load": 104, "init_module": 105, "finit_module": 273,
        "delete_module": 106, "open_by_handle_at": 265, "reboot": 142, "swapon": 224,
    },
}  # fmt: skip
_SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
_SOCKET_CALL = {"x86_64": 41, "aarch64": 198}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_OTHER_ABI = 0x40000000  # x86-64 has a second set of numbers (x32) from here on
_AF_UNIX = 1

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def landlock_abi() -> int:
    """Return the version of Landlock in this kernel; 0 if it has none. TCP is limited from 4 on."""
    return max(0, _call(_LANDLOCK_CREATE, None, 0, _ABI_VERSION_FLAG)) if _libc is not None else 0


def has_seccomp() -> bool:
    """Return True if this kernel has seccomp filters, and this module knows the numbers of its system calls."""
    action = ctypes.c_uint32(_REFUSE & 0xFFFF0000)
    number = _SECCOMP_CALL.get(platform.machine())
    return _libc is not None and number is not None and _call(number, _GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0


def restrict_access(*, readable: Iterable[Path], writable: Iterable[Path], tcp_ports: Iterable[int]) -> None:
    """Allow this thread only to read (and run) files below `readable`, to change those below `writable`, and to connect
    to these TCP ports. Paths that do not exist are skipped. Raises `OSError`; requires `landlock_abi() > 0`.
    """
    abi = landlock_abi()
    everything = _ALL_BY_ABI[min(abi, 3)]
    handled = struct.pack("QQ", everything, _CONNECT_TCP | _BIND_TCP) if abi >= 4 else struct.pack("Q", everything)
    ruleset = _checked(_LANDLOCK_CREATE, handled, len(handled), 0)
    try:
        for path in readable:
            _allow_path(ruleset, path, (_EXECUTE | _READ | _LIST) & everything)
        for path in writable:
            _allow_path(ruleset, path, everything & ~_EXECUTE)
        for port in tcp_ports if abi >= 4 else ():
            _checked(_LANDLOCK_ADD_RULE, ruleset, _RULE_PORT, struct.pack("QQ", _CONNECT_TCP, port), 0)
        _forbid_new_privileges()
        _checked(_LANDLOCK_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def forbid_programs() -> None:
    """Refuse all threads of this process to start programs, to look into other processes, and to open Unix sockets.

    Each such system call fails with EPERM. Raises `OSError`; requires `has_seccomp()`.
    """
    _forbid_new_privileges()
    program = _filter_program(platform.machine())
    instructions = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))

    described = Program(len(program) // 8, ctypes.addressof(instructions))
    _checked(_SECCOMP_CALL[platform.machine()], _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(described))


def _allow_path(ruleset: int, path: Path, access: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = access if path.is_dir() else access & _OF_FILES
        _checked(_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH, struct.pack("=Qi", allowed, folder), 0)
    finally:
        os.close(folder)


def _filter_program(machine: str) -> bytes:
    """Return a BPF program: the number of the system call is at offset 0 of its input, the architecture at 4, and the
    lower half of the first argument at 16.
    """
    load, jump_equal, jump_from, answer = 0x20, 0x15, 0x35, 0x06
    refused = list(_REFUSED[machine].values())
    # Places in the program: a jump is the number of instructions that it skips.
    at_socket = 4 + len(refused)
    allow, refuse = at_socket + 3, at_socket + 4
    program = [
        (load, 0, 0, 4),
        (jump_equal, 0, refuse - 2, _AUDIT_ARCH[machine]),  # refuse 32-bit system calls, which have other numbers
        (load, 0, 0, 0),
        (jump_from, refuse - 4, 0, _OTHER_ABI),
        *((jump_equal, refuse - place - 1, 0, number) for place, number in enumerate(refused, 4)),
        (jump_equal, 0, allow - at_socket - 1, _SOCKET_CALL[machine]),
        (load, 0, 0, 16),
        (jump_equal, refuse - allow, 0, _AF_UNIX),
        (answer, 0, 0, _ALLOW),
        (answer, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _forbid_new_privileges() -> None:
    if _libc is not None and _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")


def _checked(number: int, *arguments: object) -> int:
    result = _call(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} (system call {number})")
    return result


def _call(number: int, *arguments: object) -> int:
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return int(_libc.syscall(ctypes.c_long(number), *given)) if _libc is not None else -1
