"""Server-sent events as the client reads them; file names as the API shows them."""

from __future__ import annotations

from api.forms import shown_name
from slimgest_celery.client import parse
from slimgest_celery.events import valid_id


def test_events_are_parsed_and_comments_and_retry_passed_over() -> None:
    stream = 'retry:2000\n\n: still here\n\nevent:page\ndata:{"a":\ndata:1}\nid:5-0\n\n'
    stream += "data: {}\n\nevent: end\ndata: 2\nid: 6\n\n"
    events = list(parse(iter(stream.split("\n"))))
    assert [(event.id, event.type, event.data) for event in events] == [("5-0", "page", {"a": 1}), ("6", "end", 2)]


def test_ids_of_events() -> None:
    assert all(map(valid_id, ("0-0", "1700000000000-3", "12")))
    assert not any(map(valid_id, ("", "-", "a-1", "1-", "1-a", "9" * 99)))


def test_file_names_are_shown_without_their_folders() -> None:
    names = {
        "a.pdf": "a.pdf",
        "../../x.pdf": "x.pdf",
        "C:\\dir\\x.pdf": "x.pdf",
        "a\nb.pdf": "ab.pdf",
        "": "document.pdf",
    }
    assert {given: shown_name(given) for given in names} == names
