"""The names of downloads in the header `Content-Disposition`."""

from __future__ import annotations

import pytest

from api.content_disposition import content_disposition


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("letter", "inline; filename=letter.md"),
        ("a letter", "inline; filename=\"a letter.md\"; filename*=UTF-8''a%20letter.md"),
        ("résumé", "inline; filename=\"resume.md\"; filename*=UTF-8''r%C3%A9sum%C3%A9.md"),
        ("№ 5 €", "inline; filename=\"No 5 _.md\"; filename*=UTF-8''%E2%84%96%205%20%E2%82%AC.md"),
        ("日本語", "inline; filename=\"document.md\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E.md"),
        ('"; filename=x\\', "inline; filename=\"__ filename=x_.md\"; filename*=UTF-8''%22%3B%20filename%3Dx%5C.md"),
        ("100%25", "inline; filename=\"100_25.md\"; filename*=UTF-8''100%2525.md"),
        (
            "a\r\nSet-Cookie: b",
            "inline; filename=\"a__Set-Cookie_ b.md\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b.md",
        ),
        ("\ud800", "inline; filename=\"document.md\"; filename*=UTF-8''%3F.md"),
    ],
)
def test_every_name_becomes_a_header_of_ascii(stem: str, expected: str) -> None:
    assert content_disposition(stem, ".md") == expected
