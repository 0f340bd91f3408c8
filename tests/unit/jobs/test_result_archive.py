"""The names of documents in a zip."""

from __future__ import annotations

import pytest

from slimgest_celery.jobs.result_archive import safe_names


def test_equal_names_get_numbers_also_where_only_capitals_differ() -> None:
    assert safe_names([("letter", ".md"), ("Letter", ".md"), ("letter", ".md"), ("other", ".md")]) == [
        "letter.md",
        "Letter (2).md",
        "letter (3).md",
        "other.md",
    ]


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("..", "_.txt"),
        ("../../etc/passwd", "_.._etc_passwd.txt"),
        ("C:\\windows\\x", "C__windows_x.txt"),
        ("con", "_con.txt"),
        ("NUL.old", "_NUL.old.txt"),
        ("\x00\n", "__.txt"),
        ("", "_.txt"),
        ("Übersicht 2026", "Übersicht 2026.txt"),
        ("x" * 300, "x" * 150 + ".txt"),
    ],
)
def test_no_name_is_a_path_or_invalid_on_some_system(stem: str, name: str) -> None:
    assert safe_names([(stem, ".txt")]) == [name]
