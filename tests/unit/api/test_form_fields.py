"""Multipart forms that no browser sends are refused with a sentence."""

from __future__ import annotations

import pytest

from api import create_app
from slimgest_celery.config import Settings


@pytest.mark.parametrize("header", [b"form-data", b'form-data; name=""'])
def test_a_part_without_a_usable_name_is_an_unknown_field(header: bytes) -> None:
    client = create_app(Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"})).test_client()
    parts = b"".join(
        b"--b\r\nContent-Disposition: " + one + b"\r\n\r\n1\r\n" for one in (header, b'form-data; name="other"')
    )
    answer = client.post(
        "/jobs",
        data=parts + b"--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b", "Idempotency-Key": "k"},
    )
    assert answer.status_code == 400 and answer.json is not None
    assert answer.json["code"] == "request.invalid"
