"""The upload size check: Flask and Werkzeug count the bytes of each request and stop at the limit set here.

Above the limit they raise HTTP 413, which `errors` answers as `UploadTooLarge`.
"""

from __future__ import annotations

from flask import Flask

_FORM_BYTES = 1 << 20  # allowed in a multipart request in addition to its files
_MAX_PARTS = 1000


def limit_upload_size(flask: Flask, max_upload_mb: int) -> None:
    """Refuse request bodies larger than `max_upload_mb` (SLIMGEST_MAX_UPLOAD_MB), form fields over 1 MB, and forms
    of more than 1000 parts. Files are written to disk as they arrive; form fields are held in memory."""
    flask.config["MAX_CONTENT_LENGTH"] = (max_upload_mb << 20) + _FORM_BYTES
    flask.config["MAX_FORM_MEMORY_SIZE"] = _FORM_BYTES
    flask.config["MAX_FORM_PARTS"] = _MAX_PARTS
