"""The Python client of the API.

    with Client("http://127.0.0.1:8000") as client:
        document = client.process(Path("scan.pdf"))
        print(document.pages[0].text)

        for event in client.stream(client.submit(Path("book.pdf")).job_id):
            match event:
                case PageDone(status="ok"):
                    print(event.page_number, event.page_text)
                case JobFailed():
                    print(event.message)

`AsyncClient` has the same methods as coroutines. Both clients only send the requests. These modules do the rest,
without input or output:

    endpoints   the request and the response parser of each endpoint
    streams     streamed responses that resume after a lost connection
    retries     the rules for retries
    events      the events of a job, one class per type
    documents   the document of a job, with its text, tables and Markdown
    errors      the exceptions
"""

from slimgest_celery.client.aio import AsyncClient
from slimgest_celery.client.documents import AsyncDocument, DocumentFailed, DocumentTable, SyncDocument
from slimgest_celery.client.endpoints import ResultFormat
from slimgest_celery.client.errors import AnswerInvalid, ApiError, ServiceUnreachable
from slimgest_celery.client.events import JobCompleted, JobEvent, JobFailed, JobStarted, PageDone
from slimgest_celery.client.sse import parse
from slimgest_celery.client.sync import Client
from slimgest_celery.client.uploads import Pdf

__all__ = [
    "AnswerInvalid",
    "ApiError",
    "AsyncClient",
    "AsyncDocument",
    "Client",
    "DocumentFailed",
    "DocumentTable",
    "JobCompleted",
    "JobEvent",
    "JobFailed",
    "JobStarted",
    "PageDone",
    "Pdf",
    "ResultFormat",
    "ServiceUnreachable",
    "SyncDocument",
    "parse",
]
