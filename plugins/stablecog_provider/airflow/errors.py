"""The one place that decides what Airflow does after an error: fail for good, or retry. Also what the task's log ends with."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from .. import errors
from ..errors import ArchiveError, ConfigurationError, FatalError, ProofDiffers, TransientError

WIDTH = 240
"""Characters of a line that ends the log. The exception behind it has the whole text."""


class RetryLater(AirflowException):
    """The other side named a time before which no retry can succeed. `retry_after`: seconds."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def as_airflow(error: ArchiveError, log: Any = None) -> AirflowException:
    """Return the exception to raise in a task, with `from None`. `log`: the task's, which then ends with `log_failure`.

    AirflowFailException for wrong settings and contradictions, which no retry changes. AirflowException, and so a retry, for
    everything else. This includes a proof that differs: the next attempt reads the periods that differ again.
    """
    if log is not None:
        log_failure(error, log)
    if isinstance(error, ConfigurationError | FatalError) and not isinstance(error, ProofDiffers):
        return AirflowFailException(str(error))
    if isinstance(error, TransientError) and error.retry_after:
        return RetryLater(str(error), error.retry_after)
    return AirflowException(str(error))


def log_failure(error: ArchiveError, log: Any) -> None:
    """Log what is wrong and what to do, as two short lines. At the level DEBUG, the traceback comes before them."""
    log.debug("Where it failed:", exc_info=error)
    log.error("%s", textwrap.shorten(error.message, WIDTH, placeholder=" ..."))
    if error.hint:
        log.error("What to do: %s", textwrap.shorten(error.hint, WIDTH, placeholder=" ..."))


def document_of_error(error: ArchiveError) -> dict[str, Any]:
    """Return the error as JSON values, for the event of a trigger."""
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "retry_after": getattr(error, "retry_after", None),
    }


def error_of(document: Mapping[str, Any]) -> ArchiveError:
    """Return the error that `document_of_error` described."""
    kind = getattr(errors, str(document["kind"]), ArchiveError)
    # A class with a constructor of its own is an error of one output: no trigger ends with it.
    keywords = {"retry_after": document["retry_after"]} if issubclass(kind, TransientError) else {}
    error: ArchiveError = kind(str(document["message"]), hint=str(document["hint"]), **keywords)
    return error
