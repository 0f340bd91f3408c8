"""The HTML page of all error codes, made from errors.py. The `type` of each problem document leads to a row of it."""

from __future__ import annotations

from functools import cache
from html import escape

from slimgest_celery.errors import SlimgestError, all_errors

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>slimgest: error codes</title>
  <link rel="stylesheet" href="errors.css">
</head>
<body>
  <h1>Error codes</h1>
  <p>Every error of the API is <code>application/problem+json</code> (RFC 9457). Its <code>code</code> is stable; its
  <code>title</code>, <code>detail</code> and <code>hint</code> are sentences for people. The <code>error</code> of a
  failed job or page has the same codes. <a href="../docs">The whole API</a></p>
  <table>
    <thead><tr><th>code</th><th>HTTP</th><th>what happened</th><th>what to do</th><th>retryable</th></tr></thead>
    <tbody>
"""
_ROW = (
    '      <tr id="{code}"><th scope="row"><a href="#{code}"><code>{code}</code></a></th><td>{status}</td>'
    "<td>{message}</td><td>{hint}</td><td>{retryable}</td></tr>\n"
)
_END = "    </tbody>\n  </table>\n</body>\n</html>\n"


@cache
def error_page() -> str:
    """Return the page, which has an anchor with the name of each code."""
    return _HEAD + "".join(map(_row, all_errors())) + _END


def _row(error: type[SlimgestError]) -> str:
    return _ROW.format(
        code=error.code,
        status=error.http_status,
        message=escape(error().message),
        hint=escape(error.hint),
        retryable="yes" if error.retryable else "no",
    )
