"""The sandbox of processes that open PDFs: what each may read, change, reach and start.

A worker child may read the installed programs and libraries, change the storage and the temporary folder, and connect
to the TCP ports of Redis, of a remote storage and of the trace collector. It may start no program: launcher.py does
that for it. Landlock knows ports, not addresses, and no UDP.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from slimgest_celery.config import Settings
from slimgest_celery.process_limits import forbid_openvino_telemetry
from slimgest_celery.sandbox import kernel
from slimgest_celery.storage.fsspec_client import local_folder

_TCP_ABI = 4  # of Landlock: before, TCP is not limited
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/sys", "/dev", "/run/systemd/resolve")
# Not /proc: the environment of other processes of the same user contains secrets.
_PROC = ("self", "cpuinfo", "meminfo", "stat", "sys", "version", "filesystems", "loadavg", "driver")
_ETC = (
    "alternatives", "ca-certificates", "fonts", "gai.conf", "group", "host.conf", "hostname", "hosts", "ld.so.cache",
    "localtime", "mime.types", "nsswitch.conf", "passwd", "pki", "protocols", "resolv.conf", "services", "ssl",
    "timezone",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/shm")  # noqa: S108 - no file of ours
# Variables with paths, separated by colons, that libraries and the storage read.
_PATH_VARIABLES = (
    "LD_LIBRARY_PATH", "PYTHONPATH", "TESSDATA_PREFIX", "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "GOOGLE_APPLICATION_CREDENTIALS",
    "FSSPEC_CONFIG_DIR",
)  # fmt: skip
_REMOTE_STORAGE_FOLDERS = (".aws", ".config/fsspec", ".config/gcloud")  # below the home folder
_DNS = 53
_DEFAULT_PORTS = {"redis": 6379, "rediss": 6379, "http": 80, "https": 443}
_OTLP_PORT = 4318
UNTESTED_ENGINES = ("nemotron",)  # SLIMGEST_SANDBOX=auto leaves these outside
_PINNED: list[int] = []  # descriptors that stay open


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """The files and TCP ports that a process may use, or the reason why it is not limited."""

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    tcp_ports: tuple[int, ...] = ()
    off: str = ""

    def limit_access(self) -> None:
        """Limit files and TCP for this thread and all that it starts: call it before other threads exist."""
        if not self.off and kernel.landlock_abi():
            forbid_openvino_telemetry()  # an engine of your own may import OpenVINO
            # Linux forgets the folder of a process in /proc when it is short of memory, and then the rule for it.
            _PINNED.append(os.open("/proc/self", os.O_PATH | os.O_CLOEXEC))
            kernel.restrict_access(readable=self.readable, writable=self.writable, tcp_ports=self.tcp_ports)

    def forbid_programs(self) -> None:
        """Refuse this process to start programs from now on."""
        if not self.off and kernel.has_seccomp():
            kernel.forbid_programs()

    def enter(self) -> None:
        """Do both, in a process that needs no other program."""
        self.limit_access()
        self.forbid_programs()

    def describe(self) -> str:
        """Return what is limited, as a sentence for the log."""
        return f"no sandbox: {self.off}" if self.off else f"sandbox: {', '.join(_present())}{_missing_note()}"


def worker_sandbox(settings: Settings, engine: str) -> Sandbox:
    """Return the sandbox of a worker child with this engine. Raises `RuntimeError` if a required one is impossible."""
    if reason := _reason_against(settings, engine):
        return Sandbox(off=reason)
    folder = local_folder(settings.storage_url)
    if folder is not None:
        with suppress(OSError):  # storage that is away is reported by the first task
            folder.mkdir(parents=True, exist_ok=True)
    return Sandbox(
        readable=tuple(_readable(settings)),
        writable=(*map(Path, _DEVICES), Path(tempfile.gettempdir()), *([folder] if folder else [])),
        tcp_ports=tuple({_DNS, *_redis_ports(settings), *_storage_ports(settings), *_trace_ports()}),
    )


def export_sandbox(settings: Settings, target: Path) -> Sandbox:
    """Return the sandbox of the process that writes a searchable PDF to `target`: it changes nothing else."""
    if reason := _reason_against(settings):
        return Sandbox(off=reason)
    folder = local_folder(settings.storage_url)
    copies = Path(tempfile.gettempdir())  # of a remote storage's files
    return Sandbox(
        readable=(*_readable(settings), *([folder] if folder else [])),
        writable=(*map(Path, _DEVICES), target.parent if folder else copies),
        tcp_ports=() if folder else tuple({_DNS, *_storage_ports(settings)}),
    )


def missing_support() -> list[str]:
    """Return what this system cannot limit; empty if it supports the whole sandbox."""
    missing = []
    abi = kernel.landlock_abi()
    if not abi:
        missing.append("files and TCP (the kernel has no Landlock, or it is not enabled)")
    elif abi < _TCP_ABI:
        missing.append(f"TCP (Landlock has version {abi}; TCP needs {_TCP_ABI}, Linux 6.7)")
    if not kernel.has_seccomp():
        missing.append("programs (no seccomp filters, or an unknown processor)")
    return missing


def _present() -> list[str]:
    abi = kernel.landlock_abi()
    limited = [name for name, supported in (("files", abi), ("TCP", abi >= _TCP_ABI)) if supported]
    return [*limited, *(["programs"] if kernel.has_seccomp() else [])] or ["nothing"]


def _missing_note() -> str:
    return f"; not limited: {', '.join(missing_support())}" if missing_support() else ""


def _reason_against(settings: Settings, engine: str = "") -> str:
    if settings.sandbox == "off":
        return "SLIMGEST_SANDBOX=off"
    if settings.sandbox == "on":
        if missing := missing_support():
            raise RuntimeError(f"SLIMGEST_SANDBOX=on, and this system cannot limit {', '.join(missing)}")
        return ""
    if engine in UNTESTED_ENGINES:
        return f"the engine {engine} was not tested in it (SLIMGEST_SANDBOX=on uses it)"
    return "" if len(missing_support()) < 2 else f"this system cannot limit {', '.join(missing_support())}"


def _readable(settings: Settings) -> Iterator[Path]:
    yield from map(Path, _SYSTEM)
    yield from (Path("/proc") / name for name in _PROC)
    yield from (Path("/etc") / name for name in _ETC)
    yield Path("/var/cache/fontconfig")
    yield from (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2])
    here = Path.cwd()  # Python's option -m adds it to the path; it may be a home folder
    yield from (Path(entry) for entry in sys.path if entry and Path(entry) != here)
    for name in _PATH_VARIABLES:
        yield from (Path(entry) for entry in os.environ.get(name, "").split(":") if entry)
    yield from (*settings.sandbox_paths, *filter(None, (settings.model_dir, settings.tessdata)))
    if local_folder(settings.storage_url) is None:
        with suppress(RuntimeError):  # the user has no home folder
            home = Path.home()
            yield from (home / name for name in _REMOTE_STORAGE_FOLDERS)


def _redis_ports(settings: Settings) -> Iterator[int]:
    if settings.redis_url:
        yield _port(settings.redis_url)


def _storage_ports(settings: Settings) -> Iterator[int]:
    """Yield the ports of a remote storage. Its address, if it has its own, is in a variable named …ENDPOINT_URL…"""
    if local_folder(settings.storage_url) is None:
        yield from (_DEFAULT_PORTS["http"], _DEFAULT_PORTS["https"])
        for name, value in os.environ.items():
            if "ENDPOINT_URL" in name or name.upper() in ("HTTP_PROXY", "HTTPS_PROXY"):
                yield _port(value)


def _trace_ports() -> Iterator[int]:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        if value := os.environ.get(name):
            yield _port(value)
            yield _OTLP_PORT


def _port(url: str) -> int:
    """Return the port of an address; 443 if it cannot be parsed."""
    try:
        parts = urlsplit(url)
        return parts.port or _DEFAULT_PORTS.get(parts.scheme, 443)
    except ValueError:
        return 443
