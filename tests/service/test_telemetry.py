"""`slimgest process` reports its use to nobody: it resolves no host and writes nothing outside its folders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import pdfs
from tests.support.stack import ROOT

# Python imports this module at the start of each process. A hook cannot be removed again.
_AUDIT = """
import os, sys

_LOG = os.environ["AUDIT_LOG"]
_HERE = ("localhost", "127.0.0.1", "::1", b"127.0.0.1", b"localhost", None, "")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT

def _report(line):
    with open(_LOG, "a") as log:
        log.write(line + "\\n")

def _audit(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr") and args[0] not in _HERE:
        _report(f"host {args[0]}")
    elif event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in _HERE:
        _report(f"host {args[1][0]}")
    elif event == "open" and isinstance(args[0], (str, bytes)) and (args[2] or 0) & _WRITES:
        path = os.path.abspath(os.fsdecode(args[0]))
        if path != _LOG:
            _report(f"write {path}")
    elif event == "os.mkdir" and not os.path.exists(args[0]):
        _report(f"write {os.path.abspath(os.fsdecode(args[0]))}")

sys.addaudithook(_audit)
_report("started")
"""


def test_slimgest_process_resolves_no_host_and_writes_only_to_its_folders(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("home", "tmp", "out", "hooks")}
    for folder in folders.values():
        folder.mkdir()
    (folders["hooks"] / "sitecustomize.py").write_text(_AUDIT)
    (tmp_path / "scan.pdf").write_bytes(pdfs.photographed(1))
    log = tmp_path / "audit.log"
    done = subprocess.run(
        [sys.executable, "-m", "slimgest_celery.cli", "process", "scan.pdf", "-o", "out", "--mode", "ocr"],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("XDG_")},
            "PYTHONPATH": f"{folders['hooks']}{os.pathsep}{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "ignore",
            "HOME": str(folders["home"]),
            "TMPDIR": str(folders["tmp"]),
            "AUDIT_LOG": str(log),
            "SLIMGEST_ENGINE": "rapidocr",
            "SLIMGEST_NUM_WORKERS": "1",
            "SLIMGEST_SANDBOX": "off",  # it would hide an attempt, and the hook could not write its log
        },
        capture_output=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    reported = log.read_text().splitlines()
    assert reported.count("started") > 4, "the hook was installed in every process"
    allowed = (f"write {folders['tmp']}", f"write {folders['out']}", "write /dev/", "write /proc/")
    assert [line for line in reported if line != "started" and not line.startswith(allowed)] == []
    assert list(folders["home"].iterdir()) == [], "written by code that is not Python"
