"""The routes of an application, each with its description."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from api.openapi.describe import Description, Errors, get_description
from slimgest_celery.errors import RequestInvalid, RouteUnknown, ServiceFailure

_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True, kw_only=True)
class Route:
    """A path, a method, and the view that handles them."""

    rule: Rule
    method: str
    view: Callable[..., Any]
    description: Description

    @property
    def path(self) -> str:
        """The path in OpenAPI's notation: `/jobs/{job_id}`."""
        return _VARIABLE.sub(r"{\2}", self.rule.rule)

    @property
    def variables(self) -> list[tuple[str, str]]:
        """The converter and name of each path parameter: `uuid`, `job_id`."""
        return _VARIABLE.findall(self.rule.rule)

    @property
    def errors(self) -> Errors:
        """The errors of the view, and those that Flask or any view may raise."""
        unknown = (RouteUnknown,) if self.variables else ()
        return (RequestInvalid, *self.description.errors, *unknown, ServiceFailure)


def described_routes(flask: Flask) -> Iterator[Route]:
    """Yield the routes of the document. Raises `LookupError` for a route without a description."""
    for rule in flask.url_map.iter_rules():
        view = flask.view_functions[rule.endpoint]
        description = get_description(view)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if description is not None:
                yield Route(rule=rule, method=method, view=view, description=description)
