"""The upload size check: requests above SLIMGEST_MAX_UPLOAD_MB are refused."""

from __future__ import annotations

import pytest

from api import create_app
from slimgest_celery.config import Settings

MB = 1 << 20


@pytest.mark.parametrize(
    ("size", "expected"),
    [(MB, (400, "request.invalid")), (3 * MB, (413, "upload.too_large"))],
    ids=["within the limit", "above the limit"],
)
def test_an_upload_above_the_limit_is_refused(size: int, expected: tuple[int, str]) -> None:
    settings = {"SLIMGEST_MAX_UPLOAD_MB": "1", "SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"}
    client = create_app(Settings.from_env(settings)).test_client()
    # The field `other` is unknown, so an upload within the limit is refused later, by the check of field names.
    response = client.post(
        "/jobs",
        data=b'--x\r\nContent-Disposition: form-data; name="other"; filename="a.pdf"\r\n\r\n%s\r\n--x--' % bytes(size),
        content_type="multipart/form-data; boundary=x",
        headers={"Idempotency-Key": "upload-size"},  # with a key, the API does not ask Redis about the queue first
    )
    assert (response.status_code, response.get_json()["code"]) == expected
