"""The program of `make attack`: the service holds, and the table says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.attack import ATTACKS, attack, write_table


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_service_holds_against_every_attack(tmp_path: Path) -> None:
    rows = attack(tmp_path)
    write_table(rows, tmp_path / "table.md")
    assert [row for row in rows if not row[2]] == []
    assert len(rows) == len(ATTACKS) + 1
    assert f"{len(rows)} of {len(rows)} held." in (tmp_path / "table.md").read_text()


def test_a_successful_attack_is_shown_in_the_table(tmp_path: Path) -> None:
    write_table([("a | b", "**AssertionError**: [200]", False), ("c", "403", True)], tmp_path / "table.md")
    table = (tmp_path / "table.md").read_text()
    assert "| **no** |" in table and "1 of 2 held." in table
