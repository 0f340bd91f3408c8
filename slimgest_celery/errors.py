"""Every way a request, a PDF, a page or the service can fail.

    SlimgestError
    ├── RequestInvalid          400  request.invalid        the request cannot be read
    │   ├── UploadMissing       400  upload.missing
    │   └── UploadEmpty         400  upload.empty
    ├── OptionInvalid           422  request.option         the request can be read, an option cannot be honoured
    ├── UploadTooLarge          413  upload.too_large
    ├── NotAPdf                 415  upload.not_pdf
    ├── RouteUnknown            404  request.not_found
    ├── MethodNotAllowed        405  request.method
    ├── JobUnknown              404  job.unknown
    ├── PageUnknown             404  page.unknown
    ├── JobExpired              410  job.expired
    ├── ResultNotReady          409  job.not_ready
    ├── JobRunning              409  job.running
    ├── KeyReused               409  request.key_reused
    ├── KeyMissing              401  access.key_missing
    ├── KeyUnknown              401  access.key_unknown
    ├── CallbackDisabled        422  callback.disabled
    ├── CallbackInvalid         422  callback.invalid
    ├── CallbackRefused         422  callback.refused
    ├── CallbackUnreachable     422  callback.unreachable   retryable
    ├── CallbackTimeout         422  callback.timeout       retryable
    ├── DeliveryUnknown         404  delivery.unknown
    ├── QueueFull               429  queue.full             retryable
    ├── ServiceFailure          500  service.failure        a fault of ours: it is in the log
    ├── BrokerUnavailable       503  broker.unavailable     retryable
    ├── StorageUnavailable      503  storage.unavailable    retryable
    ├── EngineUnavailable       503  engine.unavailable     the OCR engine cannot be loaded
    ├── FormatFailed            422  format.failed          this format cannot be made of the PDF; others can
    ├── ImageLate               503  page.image_late        retryable
    ├── JobFailure              422                         the whole job ends `failed`
    │   ├── PdfEncrypted             pdf.encrypted
    │   ├── PdfWrongPassword         pdf.wrong_password
    │   ├── PdfUnreadable            pdf.unreadable
    │   ├── PdfWithoutPages          pdf.no_pages
    │   ├── PdfTooManyPages          pdf.too_many_pages
    │   ├── PagesOutOfRange          pdf.page_range
    │   ├── PdfTimeout               pdf.timeout
    │   ├── PdfOutOfMemory           pdf.out_of_memory
    │   ├── JobWorkerLost            job.worker_lost        retryable
    │   ├── JobCancelled             job.cancelled          retryable
    │   └── AllPagesFailed           job.all_pages_failed
    └── PageFailure             422                         one page is stored `failed`, the rest arrives
        ├── PageUnreadable           page.unreadable
        ├── PageEngineFailed         page.engine_failed     retryable
        ├── PageTimeout              page.timeout           retryable
        ├── PageOutOfMemory          page.out_of_memory
        ├── PageTooMuchText          page.too_much_text
        ├── PageUnwritable           page.unwritable        only in the format that cannot hold it
        └── PageWorkerLost           page.worker_lost       retryable

Without a code of their own are `ApiError`, `ServiceUnreachable` and `AnswerInvalid` of the Python client
(client/errors.py), which tells the service's code as `problem_code`.

A class's docstring is its message for a user; `code` is stable, and clients may rely on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from typing import ClassVar


class SlimgestError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = ""
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        self.message = message or " ".join(cleandoc(type(self).__doc__ or "").split())
        super().__init__(self.message)


class RequestInvalid(SlimgestError):
    """The request cannot be understood."""

    code = "request.invalid"
    http_status = 400


class UploadMissing(RequestInvalid):
    """No PDF came with the request. Send it as multipart form field `file` (or `files` for several)."""

    code = "upload.missing"


class UploadEmpty(RequestInvalid):
    """The uploaded file is empty."""

    code = "upload.empty"


class OptionInvalid(SlimgestError):
    """An option has a value that is not allowed."""

    code = "request.option"
    http_status = 422


class UploadTooLarge(SlimgestError):
    """The upload is larger than this service accepts (SLIMGEST_MAX_UPLOAD_MB)."""

    code = "upload.too_large"
    http_status = 413


class NotAPdf(SlimgestError):
    """The uploaded file is not a PDF: it lacks the `%PDF-` mark in its first 1024 bytes."""

    code = "upload.not_pdf"
    http_status = 415


class RouteUnknown(SlimgestError):
    """There is nothing at this address."""

    code = "request.not_found"
    http_status = 404


class MethodNotAllowed(SlimgestError):
    """This address does not take that HTTP method."""

    code = "request.method"
    http_status = 405


class JobUnknown(SlimgestError):
    """There is no job with this id."""

    code = "job.unknown"
    http_status = 404


class PageUnknown(SlimgestError):
    """This page is not part of the job, or has not been read yet."""

    code = "page.unknown"
    http_status = 404


class JobExpired(SlimgestError):
    """The job was deleted when its retention time (SLIMGEST_RETENTION) had passed. Send the PDF again."""

    code = "job.expired"
    http_status = 410


class ResultNotReady(SlimgestError):
    """The job has not ended yet. Follow its events, or ask again later."""

    code = "job.not_ready"
    http_status = 409
    retryable = True


class JobRunning(SlimgestError):
    """The job has not ended yet, so there is nothing to retry. Cancel it first, or wait."""

    code = "job.running"
    http_status = 409
    retryable = True


class KeyReused(SlimgestError):
    """This Idempotency-Key came before with another PDF or other options. Use a new key for a new request."""

    code = "request.key_reused"
    http_status = 409


class KeyMissing(SlimgestError):
    """This service wants an API key. Send it as `Authorization: Bearer KEY`."""

    code = "access.key_missing"
    http_status = 401


class KeyUnknown(SlimgestError):
    """This API key is not one of this service's."""

    code = "access.key_unknown"
    http_status = 401


class CallbackDisabled(SlimgestError):
    """This service sends no webhooks: its operator has set no SLIMGEST_WEBHOOK_SECRET."""

    code = "callback.disabled"
    http_status = 422


class CallbackInvalid(SlimgestError):
    """The callback_url must be an http or https URL of at most 2048 ASCII characters."""

    code = "callback.invalid"
    http_status = 422


class CallbackRefused(SlimgestError):
    """The callback_url leads to an address that is not public, where this service sends nothing."""

    code = "callback.refused"
    http_status = 422


class CallbackUnreachable(SlimgestError):
    """The host of the callback_url cannot be found or reached."""

    code = "callback.unreachable"
    http_status = 422
    retryable = True


class CallbackTimeout(SlimgestError):
    """The receiver of the callback took longer than SLIMGEST_CALLBACK_TIMEOUT."""

    code = "callback.timeout"
    http_status = 422
    retryable = True


class DeliveryUnknown(SlimgestError):
    """The job has no delivery with this id."""

    code = "delivery.unknown"
    http_status = 404


class QueueFull(SlimgestError):
    """The queue is full (SLIMGEST_MAX_PENDING_JOBS). Nothing was queued; send the request again later."""

    code = "queue.full"
    http_status = 429
    retryable = True

    def __init__(self, message: str | None = None, retry_after_s: int = 10) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServiceFailure(SlimgestError):
    """The service met an error of its own. The log tells which; the request may be sent again."""

    code = "service.failure"


class BrokerUnavailable(SlimgestError):
    """Redis, which carries the work, does not answer. Nothing was queued; try again soon."""

    code = "broker.unavailable"
    http_status = 503
    retryable = True


class StorageUnavailable(SlimgestError):
    """The storage for jobs cannot be read or written (full, read-only or unreachable)."""

    code = "storage.unavailable"
    http_status = 503
    retryable = True


class EngineUnavailable(SlimgestError):
    """The OCR engine cannot be loaded."""

    code = "engine.unavailable"
    http_status = 503


class FormatFailed(SlimgestError):
    """The PDF cannot be made searchable: it is too damaged to be written again. All other formats are there."""

    code = "format.failed"
    http_status = 422


class ImageLate(SlimgestError):
    """The image of this page could not be drawn in time: all workers are busy. Ask again."""

    code = "page.image_late"
    http_status = 503
    retryable = True


class JobFailure(SlimgestError):
    """The job failed."""

    http_status = 422


class PdfEncrypted(JobFailure):
    """The PDF is encrypted. Send its password in the form field `password`."""

    code = "pdf.encrypted"


class PdfWrongPassword(JobFailure):
    """The PDF is encrypted and the password sent with it does not open it."""

    code = "pdf.wrong_password"


class PdfUnreadable(JobFailure):
    """The PDF is damaged and cannot be opened."""

    code = "pdf.unreadable"


class PdfWithoutPages(JobFailure):
    """The PDF has no pages."""

    code = "pdf.no_pages"


class PdfTooManyPages(JobFailure):
    """The PDF has more pages than this service reads in one job (SLIMGEST_MAX_PAGES). Choose some with `pages`."""

    code = "pdf.too_many_pages"


class PagesOutOfRange(JobFailure):
    """None of the pages asked for with `pages` is in the PDF."""

    code = "pdf.page_range"


class PdfTimeout(JobFailure):
    """Opening the PDF and counting its pages took longer than SLIMGEST_PAGE_TIMEOUT."""

    code = "pdf.timeout"


class PdfOutOfMemory(JobFailure):
    """Opening the PDF needed more memory than SLIMGEST_MAX_WORKER_MB."""

    code = "pdf.out_of_memory"


class JobWorkerLost(JobFailure):
    """The PDF ended every worker that tried to open it."""

    code = "job.worker_lost"
    retryable = True


class JobCancelled(JobFailure):
    """The job was cancelled. The pages read until then are kept."""

    code = "job.cancelled"
    retryable = True


class AllPagesFailed(JobFailure):
    """No page of the PDF could be read; each page says why."""

    code = "job.all_pages_failed"


class PageFailure(SlimgestError):
    """The page could not be read."""

    http_status = 422


class PageUnreadable(PageFailure):
    """The page is damaged: it cannot be loaded or rendered."""

    code = "page.unreadable"


class PageEngineFailed(PageFailure):
    """The OCR engine failed on this page."""

    code = "page.engine_failed"
    retryable = True


class PageTimeout(PageFailure):
    """Reading the page took longer than SLIMGEST_PAGE_TIMEOUT."""

    code = "page.timeout"
    retryable = True


class PageOutOfMemory(PageFailure):
    """Reading the page needed more memory than SLIMGEST_MAX_WORKER_MB, or than its GPU has."""

    code = "page.out_of_memory"


class PageTooMuchText(PageFailure):
    """The page holds more text than any page of print could (a million characters)."""

    code = "page.too_much_text"


class PageUnwritable(PageFailure):
    """The page was read, but cannot be written in this format. Ask for it in another, such as `json`."""

    code = "page.unwritable"


class PageWorkerLost(PageFailure):
    """The page ended every worker that tried to read it."""

    code = "page.worker_lost"
    retryable = True


def by_code(code: str) -> type[SlimgestError]:
    """The class of errors with this code."""
    return next((error for error in all_errors() if error.code == code), ServiceFailure)


def all_errors(base: type[SlimgestError] = SlimgestError) -> Iterator[type[SlimgestError]]:
    """Every error class that has a code, in the order of the tree above."""
    for child in base.__subclasses__():
        if child.code:
            yield child
        yield from all_errors(child)


def of_code(code: str) -> SlimgestError:
    """An error of the class that has this code; `ServiceFailure` where none has."""
    return next((error for error in all_errors() if error.code == code), ServiceFailure)()
