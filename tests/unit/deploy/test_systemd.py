"""The systemd units are valid, and start what exists."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.__main__ import main as api
from slimgest_celery.cli.main import main as slimgest
from slimgest_celery.config import Settings
from tests.support.stack import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def _service(unit: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # the names of options are in capital letters
    parser.read_string(unit.read_text())
    return parser["Service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_each_unit(unit: Path, tmp_path: Path) -> None:
    assert _verify(unit, tmp_path) == ""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_check_finds_a_misspelt_option(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.service"
    wrong.write_text(UNITS[0].read_text().replace("KillMode", "KillMod"))
    assert "KillMod" in _verify(wrong, tmp_path / "copy")


def _verify(unit: Path, folder: Path) -> str:
    """Return what `systemd-analyze verify` reports about a unit whose programs exist."""
    folder.mkdir(exist_ok=True)
    copy = folder / unit.name
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={shutil.which('true')}", unit.read_text()))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, timeout=60)
    return "\n".join(line for line in done.stderr.splitlines() if unit.name in line)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_starts_a_command_that_exists(unit: Path) -> None:
    program, *arguments = _service(unit)["ExecStart"].split()
    name = Path(program).name
    if name == "slimgest":
        assert CliRunner().invoke(slimgest, [*arguments, "--help"]).exit_code == 0
    elif name == "python":
        assert arguments[:2] == ["-m", "api"]
        assert CliRunner().invoke(api, [*arguments[2:], "--help"]).exit_code == 0
    else:
        assert (name, arguments[:3]) == ("celery", ["-A", "slimgest_celery", "beat"])


@pytest.mark.parametrize("name", ["slimgest.service", "slimgest-workers.service"])
def test_workers_have_time_to_finish_their_pages(name: str) -> None:
    (unit,) = (unit for unit in UNITS if unit.name == name)
    assert int(_service(unit)["TimeoutStopSec"]) > Settings.from_env({}).page_timeout_s + 15
    assert _service(unit)["KillMode"] == "mixed"  # SIGTERM to all processes would end the children in their pages
