"""The text of an error on the command line: the message, the code, and a hint.

The service's hint is written for clients of the HTTP API. The command line replaces it where a command or an option of
its own helps.
"""

from __future__ import annotations

COMMAND_HINTS = {
    "access.key_missing": "Set SLIMGEST_API_KEY to a key of this service.",
    "access.key_unknown": "Check SLIMGEST_API_KEY: the key may belong to another service, or have been revoked.",
    "engine.unavailable": "Install what is missing, or select another engine with SLIMGEST_ENGINE.",
    "job.all_pages_failed": "Show the error of each page with -f json.",
    "job.cancelled": "Read the remaining pages with `slimgest retry`.",
    "job.not_ready": "Follow the job with `slimgest watch`.",
    "job.running": "Cancel the job with `slimgest cancel`, or wait for its end with `slimgest watch`.",
    "job.unknown": "`slimgest jobs` lists the stored jobs.",
    "image.unsupported": "Convert the image to JPEG, or install slimgest[heif] where the workers run.",
    "page.timeout": "Use a lower --dpi, or a higher SLIMGEST_PAGE_TIMEOUT on the service.",
    "page.unwritable": "Choose another format with -f.",
    "format.failed": "Choose another format with -f, such as hocr or md.",
    "pdf.encrypted": "Give the password with --password.",
    "pdf.wrong_password": "Give the correct password with --password.",
    "pdf.page_range": "Select other pages with --pages.",
    "pdf.too_many_pages": "Select pages with --pages, such as --pages 1-1000.",
    "queue.full": "Try again later.",
}


def error_text(message: str, code: str = "", hint: str | None = None) -> str:
    """Return an error as one line for a person; `hint` is the service's own."""
    return " ".join(filter(None, [f"{message} ({code})" if code else message, COMMAND_HINTS.get(code) or hint]))
