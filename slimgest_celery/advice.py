"""What to do about an error, in the words of the command line; what happened and why, the error says itself."""

from __future__ import annotations

from .errors import by_code

ADVICE = {
    "access.key_missing": "Set SLIMGEST_API_KEY to a key of this service.",
    "access.key_unknown": "Look at SLIMGEST_API_KEY: it may be of another service, or withdrawn.",
    "broker.unavailable": "Try again in a minute; on the service's machine `slimgest doctor` says more.",
    "engine.unavailable": "`slimgest doctor` says what is missing.",
    "job.all_pages_failed": "Look at each page's reason with -f json.",
    "job.not_ready": "Follow it with `slimgest watch`.",
    "job.running": "Cancel it with `slimgest cancel`, or wait for its end with `slimgest watch`.",
    "job.unknown": "`slimgest status` lists the jobs that are kept.",
    "page.timeout": "Try a lower --dpi, or a higher SLIMGEST_PAGE_TIMEOUT where the service runs.",
    "page.unwritable": "Choose another -f.",
    "pdf.encrypted": "Give its password with --password.",
    "pdf.no_pages": "Make the PDF again where it came from.",
    "pdf.page_range": "Name other pages with --pages.",
    "pdf.too_many_pages": "Choose some with --pages, such as --pages 1-1000.",
    "pdf.unreadable": "Try to mend it with `qpdf IN.pdf OUT.pdf`, or make it again where it came from.",
    "pdf.wrong_password": "Give the right one with --password.",
    "queue.full": "Try again later.",
    "storage.unavailable": "Look at the disk and the rights of SLIMGEST_STORAGE_URL where the service runs.",
    "upload.empty": "Look whether the file was copied whole.",
    "upload.not_pdf": "Only PDFs can be read: print or convert it to one.",
    "upload.too_large": "Split it, or raise SLIMGEST_MAX_UPLOAD_MB where the service runs.",
}


def sentence(code: str, message: str) -> str:
    """An error for a person: what happened, its code, and what to do where that is known.

    That stands in place of the service's own advice, which is for whoever writes requests.
    """
    advice = ADVICE.get(code)
    if advice and message == by_code(code)().message:
        message = message.partition(". ")[0].removesuffix(".") + "."
    return " ".join(filter(None, [f"{message} ({code})" if code else message, advice]))
