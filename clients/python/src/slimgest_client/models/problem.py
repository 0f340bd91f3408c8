"""The reason of a failure: the record that is stored and sent, and the exception that raises a stored one again."""

from __future__ import annotations

from pydantic import Field

from slimgest_client.errors import SlimgestError, all_errors
from slimgest_client.models.record import Record

_HTTP_STATUS = {error.code: error.http_status for error in all_errors()}


class Problem(Record):
    """The reason of a failure."""

    code: str = Field(
        description="A stable code. Programs may rely on it.",
        json_schema_extra={"enum": [error.code for error in all_errors()]},
    )
    message: str = Field(description="What happened, as a sentence for people. The sentence may change.")
    retryable: bool = Field(False, description="True if the same request may succeed later.")
    hint: str | None = Field(None, description="What to do, as a sentence for people. The sentence may change.")

    @classmethod
    def from_error(cls, error: SlimgestError) -> Problem:
        """Return the record of an error."""
        return cls(code=error.code, message=error.message, retryable=error.retryable, hint=error.hint or None)


class StoredFailure(SlimgestError):
    """A failure that another process stored, raised for the client that asks for its result."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, problem.hint)
        self.code = problem.code
        self.retryable = problem.retryable
        # A newer version may have stored a code that this one does not know: 422, like all failures of a PDF or a page.
        self.http_status = _HTTP_STATUS.get(problem.code, 422)
