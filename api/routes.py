"""The routes of an application, each with its description."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from slimgest_celery.errors import RouteUnknown, ServiceFailure

from .description import Description, Errors, description_of

_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True, kw_only=True)
class Route:
    """An address, a method, and the view that answers."""

    rule: Rule
    method: str
    view: Callable[..., Any]
    description: Description

    @property
    def path(self) -> str:
        """As OpenAPI writes it: `/jobs/{job_id}`."""
        return _VARIABLE.sub(r"{\2}", self.rule.rule)

    @property
    def variables(self) -> list[tuple[str, str]]:
        """The converter and the name of each: `uuid`, `job_id`."""
        return _VARIABLE.findall(self.rule.rule)

    @property
    def fails(self) -> Errors:
        return (*self.description.fails, *((RouteUnknown,) if self.variables else ()), ServiceFailure)


def routes(flask: Flask) -> Iterator[Route]:
    """The routes that belong into the document; raises `LookupError` for one that nobody has described."""
    for rule in flask.url_map.iter_rules():
        view = flask.view_functions[rule.endpoint]
        description = description_of(view)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if description is not None:
                yield Route(rule=rule, method=method, view=view, description=description)
