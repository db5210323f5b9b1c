"""The end of a process, at a call of a port."""

from __future__ import annotations


class Killed(BaseException):
    """Passes all handlers of errors, as a kill does. It is no CancelledError: a task group takes that for an end as planned, and
    its other tasks wait on.
    """
