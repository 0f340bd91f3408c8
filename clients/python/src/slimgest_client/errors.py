"""All errors of a request, a PDF, a page or the service, grouped by the first part of their code.

    SlimgestError
    ├── RequestInvalid               request.invalid          400
    │   ├── UploadMissing            upload.missing           400
    │   └── UploadEmpty              upload.empty             400
    ├── OptionInvalid                request.option           422
    ├── LanguageUnavailable          language.unavailable     422
    ├── RouteUnknown                 request.not_found        404
    ├── MethodNotAllowed             request.method           405
    ├── RequestStalled               request.stalled          408  retryable
    ├── KeyReused                    request.key_reused       409
    ├── RangeInvalid                 request.range            416
    ├── UploadTooLarge               upload.too_large         413
    ├── UnsupportedFile              upload.not_pdf           415
    ├── KeyMissing                   access.key_missing       401
    ├── KeyUnknown                   access.key_unknown       401
    ├── HostRefused                  access.host              403
    ├── OriginRefused                access.origin            403
    ├── RetryLater                                                 answered with `Retry-After`
    │   ├── QueueFull                queue.full               429  retryable
    │   ├── LowSpace                 storage.low_space        503  retryable
    │   └── OwnerLimit                                             one owner asks for more than its share
    │       ├── TooManyPendingJobs   limit.pending_jobs       429  retryable
    │       ├── TooManyPendingPages  limit.pending_pages      429  retryable
    │       ├── TooManyRequests      limit.requests           429  retryable
    │       ├── TooManyUploads       limit.uploads            429  retryable
    │       ├── TooManyEventStreams  limit.event_streams      429  retryable
    │       └── TooManyPageImages    limit.page_images        429  retryable
    ├── BrokerUnavailable            broker.unavailable       503  retryable
    ├── StorageUnavailable           storage.unavailable      503  retryable
    ├── EngineUnavailable            engine.unavailable       503
    ├── ServiceFailure               service.failure          500
    ├── JobUnknown                   job.unknown              404
    ├── JobExpired                   job.expired              410
    ├── ResultNotReady               job.not_ready            409  retryable
    ├── JobRunning                   job.running              409  retryable
    ├── JobFailure                                                 the whole job ends as `failed` or `cancelled`
    │   ├── JobCancelled             job.cancelled            422  retryable
    │   ├── JobWorkerLost            job.worker_lost          422  retryable
    │   ├── StorageNotShared         storage.not_shared       422  retryable
    │   ├── AllPagesFailed           job.all_pages_failed     422
    │   ├── PdfEncrypted             pdf.encrypted            422
    │   ├── PdfWrongPassword         pdf.wrong_password       422
    │   ├── PdfUnreadable            pdf.unreadable           422
    │   ├── PdfWithoutPages          pdf.no_pages             422
    │   ├── PdfTooManyPages          pdf.too_many_pages       422
    │   ├── PagesOutOfRange          pdf.page_range           422
    │   ├── PdfTimeout               pdf.timeout              422
    │   ├── PdfOutOfMemory           pdf.out_of_memory        422
    │   ├── ImageUnreadable          image.unreadable         422
    │   ├── ImageTooLarge            image.too_large          422
    │   └── ImageUnsupported         image.unsupported        422
    ├── PageUnknown                  page.unknown             404
    ├── ImageLate                    page.image_late          503  retryable
    ├── PageFailure                                                one page is stored as `failed`, all others arrive
    │   ├── PageUnreadable           page.unreadable          422
    │   ├── PageEngineFailed         page.engine_failed       422  retryable
    │   ├── PageTimeout              page.timeout             422  retryable
    │   ├── PageOutOfMemory          page.out_of_memory       422
    │   ├── PageTooMuchText          page.too_much_text       422
    │   ├── PageUnwritable           page.unwritable          422
    │   └── PageWorkerLost           page.worker_lost         422  retryable
    ├── FormatFailed                 format.failed            422
    ├── CallbackDisabled             callback.disabled        422
    ├── CallbackInvalid              callback.invalid         422
    ├── CallbackRefused              callback.refused         422
    ├── CallbackUnreachable          callback.unreachable     422  retryable
    ├── CallbackTimeout              callback.timeout         422  retryable
    └── DeliveryUnknown              delivery.unknown         404

A class's docstring is its message: the sentence that says what happened. `hint` is one more sentence: what to do.
`code` is stable, and clients may rely on it. A new code also needs a row in docs/errors.md.

`ApiError`, `ServiceUnreachable` and `AnswerInvalid` of the Python client (client/errors.py) have no code of their own:
`ApiError.problem_code` is the code that the service sent. `StoredFailure` (models/problem.py) has the code of a failure
that another process stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc


class SlimgestError(Exception):
    """Something went wrong."""

    code: str = ""
    http_status: int = 500
    retryable: bool = False
    hint: str = ""

    def __init__(self, message: str | None = None, hint: str | None = None) -> None:
        """Use the class's message and hint for those that are not given."""
        self.message = message or " ".join(cleandoc(type(self).__doc__ or "").split())
        if hint is not None:
            self.hint = hint
        super().__init__(self.message)


def all_errors(base: type[SlimgestError] = SlimgestError) -> Iterator[type[SlimgestError]]:
    """Yield every error class that has a code, in the order of the tree above."""
    for child in base.__subclasses__():
        if child.code:
            yield child
        yield from all_errors(child)


# request.…: the request itself is wrong


class RequestInvalid(SlimgestError):
    """The request cannot be understood."""

    code = "request.invalid"
    http_status = 400
    hint = "Compare the request with the documentation at /docs."


class OptionInvalid(SlimgestError):
    """An option has a value that is not allowed."""

    code = "request.option"
    http_status = 422
    hint = "Correct the value and send the request again."


class LanguageUnavailable(SlimgestError):
    """No engine of this service reads a language that the request names."""

    code = "language.unavailable"
    http_status = 422
    hint = "Choose from the languages that `GET /` lists, or ask the operator to install the data of the language."


class RouteUnknown(SlimgestError):
    """There is nothing at this address."""

    code = "request.not_found"
    http_status = 404
    hint = "Check the path; /docs lists all addresses."


class MethodNotAllowed(SlimgestError):
    """This address does not support the HTTP method."""

    code = "request.method"
    http_status = 405
    hint = "Use a method that the header `Allow` names."


class RequestStalled(SlimgestError):
    """The body of the request stopped arriving (SLIMGEST_BODY_TIMEOUT)."""

    code = "request.stalled"
    http_status = 408
    retryable = True
    hint = "Check the connection, and send the request again."


class KeyReused(SlimgestError):
    """This Idempotency-Key was already used with another file or other options."""

    code = "request.key_reused"
    http_status = 409
    hint = "Use a new key for each new request."


class RangeInvalid(SlimgestError):
    """The document is shorter than the part that `Range` asks for."""

    code = "request.range"
    http_status = 416
    hint = "Request the document without `Range`; `Content-Range` gives its size."


# upload.…: the upload is checked before anything is stored


class UploadMissing(RequestInvalid):
    """The request contains no PDF or image."""

    code = "upload.missing"
    hint = "Send the file as multipart/form-data in the field `file`, or several files in `files`."


class UploadEmpty(RequestInvalid):
    """The uploaded file is empty."""

    code = "upload.empty"
    hint = "Check that the file was copied completely."


class UploadTooLarge(SlimgestError):
    """The upload is larger than this service accepts (SLIMGEST_MAX_UPLOAD_MB)."""

    code = "upload.too_large"
    http_status = 413
    hint = "Split the PDF, or ask the operator to raise the limit."


class UnsupportedFile(SlimgestError):
    """The uploaded file is neither a PDF nor an image that slimgest reads."""

    code = "upload.not_pdf"
    http_status = 415
    hint = "Convert the file to a PDF, or to a JPEG, PNG, TIFF, WebP, BMP, GIF or JPEG 2000 image."


# access.…: who may send requests


class KeyMissing(SlimgestError):
    """This service requires an API key."""

    code = "access.key_missing"
    http_status = 401
    hint = "Send the header `Authorization: Bearer KEY`."


class KeyUnknown(SlimgestError):
    """This API key is not valid for this service."""

    code = "access.key_unknown"
    http_status = 401
    hint = "Check the key: it may belong to another service, or have been revoked."


class HostRefused(SlimgestError):
    """The request names a host that does not belong to this service."""

    code = "access.host"
    http_status = 403
    hint = "Use the address that `slimgest up` prints, or ask the operator to add the name to SLIMGEST_ALLOWED_HOSTS."


class OriginRefused(SlimgestError):
    """The request comes from a web page of another origin."""

    code = "access.origin"
    http_status = 403
    hint = "Ask the operator to add the origin of the web page to SLIMGEST_CORS_ORIGINS."


# queue.…, limit.…, broker.…, storage.…, engine.…, service.…: the service cannot accept or finish the request now


class RetryLater(SlimgestError):
    """The service has no room for the request now."""

    http_status = 429
    retryable = True
    hint = "Send the request again after the seconds that `Retry-After` gives."

    def __init__(self, message: str | None = None, *, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueueFull(RetryLater):
    """The queue is full (SLIMGEST_MAX_PENDING_JOBS), so nothing was queued."""

    code = "queue.full"


class LowSpace(RetryLater):
    """The service has too little free disk space for uploads (SLIMGEST_MIN_FREE_MB), so nothing was queued."""

    code = "storage.low_space"
    http_status = 503


class OwnerLimit(RetryLater):
    """One owner asks for more than its share of the service."""


class TooManyPendingJobs(OwnerLimit):
    """This owner has too many pending jobs (SLIMGEST_OWNER_PENDING_JOBS), so nothing was queued."""

    code = "limit.pending_jobs"


class TooManyPendingPages(OwnerLimit):
    """The pending jobs of this owner have too many unread pages (SLIMGEST_OWNER_PENDING_PAGES)."""

    code = "limit.pending_pages"


class TooManyRequests(OwnerLimit):
    """This owner has sent too many requests within a minute (SLIMGEST_OWNER_REQUESTS_PER_MINUTE)."""

    code = "limit.requests"


class TooManyUploads(OwnerLimit):
    """This owner is sending too many uploads at the same time (SLIMGEST_OWNER_UPLOADS)."""

    code = "limit.uploads"


class TooManyEventStreams(OwnerLimit):
    """Too many requests of this owner follow or wait for jobs (SLIMGEST_OWNER_EVENT_STREAMS)."""

    code = "limit.event_streams"


class TooManyPageImages(OwnerLimit):
    """Too many requests of this owner wait for images of pages (SLIMGEST_OWNER_PAGE_IMAGES)."""

    code = "limit.page_images"


class BrokerUnavailable(SlimgestError):
    """Redis, which holds the queue, does not answer, so nothing was queued."""

    code = "broker.unavailable"
    http_status = 503
    retryable = True
    hint = "Try again in a minute; `slimgest doctor` on the service's machine checks Redis."


class StorageUnavailable(SlimgestError):
    """The storage for jobs cannot be read or written: it is full, read-only or unreachable."""

    code = "storage.unavailable"
    http_status = 503
    retryable = True
    hint = "Try again in a minute, or check the permissions and the free space of SLIMGEST_STORAGE_URL."


class EngineUnavailable(SlimgestError):
    """The OCR engine cannot be loaded."""

    code = "engine.unavailable"
    http_status = 503
    hint = "Run `slimgest doctor` on the service's machine: it names what is missing."


class ServiceFailure(SlimgestError):
    """An error occurred in the service itself."""

    code = "service.failure"
    hint = "Send the request again, or look for its `X-Request-ID` in the service's log."


# job.…: the job does not exist, or is not in the state that the request needs


class JobUnknown(SlimgestError):
    """There is no job with this id."""

    code = "job.unknown"
    http_status = 404
    hint = "Check the id; `GET /jobs` lists the stored jobs."


class JobExpired(SlimgestError):
    """The job was deleted: by its owner, or because its retention time (SLIMGEST_RETENTION) has passed."""

    code = "job.expired"
    http_status = 410
    hint = "Send the PDF again."


class ResultNotReady(SlimgestError):
    """The job has not ended yet."""

    code = "job.not_ready"
    http_status = 409
    retryable = True
    hint = "Follow the events of the job, or ask again later."


class JobRunning(SlimgestError):
    """The job has not ended yet, so there is nothing to retry."""

    code = "job.running"
    http_status = 409
    retryable = True
    hint = "Wait until the job ends, or cancel it first."


# job.…, pdf.… and image.…: the whole job has ended as `failed` or `cancelled`


class JobFailure(SlimgestError):
    """The job failed."""

    http_status = 422


class JobCancelled(JobFailure):
    """The job was cancelled; the pages read before are kept."""

    code = "job.cancelled"
    retryable = True
    hint = "Retry the job to read the remaining pages."


class JobWorkerLost(JobFailure):
    """The PDF ended every worker that tried to open it."""

    code = "job.worker_lost"
    retryable = True
    hint = "Check the PDF with another program; the worker's log may show the reason."


class StorageNotShared(JobFailure):
    """A worker does not find the files of this job: the API and the workers do not use the same storage."""

    code = "storage.not_shared"
    retryable = True
    hint = "Ask the operator to set the same SLIMGEST_STORAGE_URL everywhere; `slimgest doctor` compares them."


class AllPagesFailed(JobFailure):
    """No page of the PDF could be read."""

    code = "job.all_pages_failed"
    hint = "Look at the `error` of each page."


class PdfEncrypted(JobFailure):
    """The PDF is encrypted, and no password was sent."""

    code = "pdf.encrypted"
    hint = "Send the password in the form field `password`."


class PdfWrongPassword(JobFailure):
    """The PDF is encrypted, and the password does not open it."""

    code = "pdf.wrong_password"
    hint = "Send the correct password."


class PdfUnreadable(JobFailure):
    """The PDF is damaged and cannot be opened."""

    code = "pdf.unreadable"
    hint = "Repair the PDF, for example with `qpdf IN.pdf OUT.pdf`, or create it again."


class PdfWithoutPages(JobFailure):
    """The PDF has no pages."""

    code = "pdf.no_pages"
    hint = "Create the PDF again."


class PdfTooManyPages(JobFailure):
    """The PDF has more pages than this service reads in one job (SLIMGEST_MAX_PAGES)."""

    code = "pdf.too_many_pages"
    hint = "Select pages with the option `pages`, such as `1-1000`."


class PagesOutOfRange(JobFailure):
    """None of the pages in the option `pages` exists in the PDF."""

    code = "pdf.page_range"
    hint = "Select other pages."


class PdfTimeout(JobFailure):
    """Opening the PDF and counting its pages took longer than SLIMGEST_PAGE_TIMEOUT."""

    code = "pdf.timeout"
    hint = "Repair or split the PDF, or ask the operator to raise the limit."


class PdfOutOfMemory(JobFailure):
    """Opening the PDF needed more memory than SLIMGEST_MAX_WORKER_MB."""

    code = "pdf.out_of_memory"
    hint = "Repair or split the PDF, or ask the operator to raise the limit."


class ImageUnreadable(JobFailure):
    """The image is damaged or incomplete and cannot be decoded."""

    code = "image.unreadable"
    hint = "Check that the file was copied completely, and save it again with an image program."


class ImageTooLarge(JobFailure):
    """The image has more than five times as many pixels as a page may have (SLIMGEST_MAX_PAGE_PIXELS)."""

    code = "image.too_large"
    hint = "Scale the image down, or ask the operator to raise the limit."


class ImageUnsupported(JobFailure):
    """This service cannot read HEIC images, because `pillow-heif` is not installed where its workers run."""

    code = "image.unsupported"
    hint = "Convert the image to JPEG, or ask the operator to install `slimgest[heif]`."


# page.…: a page that is not there yet, or is stored as `failed` while all others arrive


class PageUnknown(SlimgestError):
    """This page is not part of the job, or has not been read yet."""

    code = "page.unknown"
    http_status = 404
    hint = "Check the page number, or follow the events of the job."


class ImageLate(SlimgestError):
    """The image of this page was not drawn in time, because all workers are busy."""

    code = "page.image_late"
    http_status = 503
    retryable = True
    hint = "Ask again in a few seconds."


class PageFailure(SlimgestError):
    """The page could not be read."""

    http_status = 422


class PageUnreadable(PageFailure):
    """The page is damaged: it cannot be loaded or rendered."""

    code = "page.unreadable"
    hint = "Repair the PDF, for example with `qpdf IN.pdf OUT.pdf`."


class PageEngineFailed(PageFailure):
    """The OCR engine failed on this page."""

    code = "page.engine_failed"
    retryable = True
    hint = "Retry the job, and report the error if the page fails again."


class PageTimeout(PageFailure):
    """Reading the page took longer than SLIMGEST_PAGE_TIMEOUT."""

    code = "page.timeout"
    retryable = True
    hint = "Use a lower `dpi`, or ask the operator to raise the limit."


class PageOutOfMemory(PageFailure):
    """Reading the page needed more memory than SLIMGEST_MAX_WORKER_MB, or than its GPU has."""

    code = "page.out_of_memory"
    hint = "Use a lower `dpi`, or ask the operator to raise the limit."


class PageTooMuchText(PageFailure):
    """The page has more than 250,000 characters, 20,000 lines or 100,000 table cells: more than any printed page."""

    code = "page.too_much_text"
    hint = "Leave this page out with the option `pages`."


class PageUnwritable(PageFailure):
    """The page was read, but it cannot be written in this format."""

    code = "page.unwritable"
    hint = "Request another format, such as `json`."


class PageWorkerLost(PageFailure):
    """The page ended every worker that tried to read it."""

    code = "page.worker_lost"
    retryable = True
    hint = "Retry the job; if the page fails again, check the PDF with another program."


# format.…: the document cannot be written in one format; all other formats are available


class FormatFailed(SlimgestError):
    """The PDF cannot be made searchable: it is too damaged to be written again."""

    code = "format.failed"
    http_status = 422
    hint = "Request another format, such as `hocr` or `md`."
    OUT_OF_MEMORY = "It needed more memory than SLIMGEST_MAX_WORKER_MB."


# callback.… and delivery.…: the webhook of a job


class CallbackDisabled(SlimgestError):
    """This service sends no webhooks: its operator has not set SLIMGEST_WEBHOOK_SECRET."""

    code = "callback.disabled"
    http_status = 422
    hint = "Follow the events of the job instead, or ask the operator to set the secret."


class CallbackInvalid(SlimgestError):
    """The callback_url is not an http or https URL of at most 2048 ASCII characters."""

    code = "callback.invalid"
    http_status = 422
    hint = "Correct the `callback_url`."


class CallbackRefused(SlimgestError):
    """The address of the callback_url is not public, and this service sends nothing there."""

    code = "callback.refused"
    http_status = 422
    hint = "Use a public address, or ask the operator to add the network to SLIMGEST_CALLBACK_NETWORKS."


class CallbackUnreachable(SlimgestError):
    """The host of the callback_url cannot be found or reached."""

    code = "callback.unreachable"
    http_status = 422
    retryable = True
    hint = "Check the host name, and that the receiver is running."


class CallbackTimeout(SlimgestError):
    """The receiver of the callback took longer than SLIMGEST_CALLBACK_TIMEOUT."""

    code = "callback.timeout"
    http_status = 422
    retryable = True
    hint = "Let the receiver answer first and work afterwards."


class DeliveryUnknown(SlimgestError):
    """The job has no delivery with this id."""

    code = "delivery.unknown"
    http_status = 404
    hint = "`GET /jobs/{id}/deliveries` lists the deliveries of a job."
