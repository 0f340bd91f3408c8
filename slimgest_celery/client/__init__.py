"""A Python client of slimgest's API.

    with Client("http://127.0.0.1:8000") as client:
        document = client.process(Path("scan.pdf"))
        print(document.pages[0].text)

        for event in client.stream(client.submit(Path("book.pdf")).job_id):
            match event:
                case PageDone(status="ok"):
                    print(event.page_number, event.page_text)
                case JobFailed():
                    print(event.message)

`AsyncClient` is the same to be awaited. Both are shells over what does no input or output:

    calls       a request for each address of the API, and how its answer is read
    tails       answers that arrive piece by piece, and go on where they broke off
    patience    when what failed is tried again, and when it is given up
    event       the events of a job, a class a type
    errors      what is raised
"""

from .aio import AsyncClient
from .errors import AnswerInvalid, ApiError, ServiceUnreachable
from .event import JobCompleted, JobEvent, JobFailed, JobStarted, PageDone
from .sse import parse
from .sync import Client
from .uploads import Pdf

__all__ = [
    "AnswerInvalid",
    "ApiError",
    "AsyncClient",
    "Client",
    "JobCompleted",
    "JobEvent",
    "JobFailed",
    "JobStarted",
    "PageDone",
    "Pdf",
    "ServiceUnreachable",
    "parse",
]
