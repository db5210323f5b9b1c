"""What all operators share: how their use case runs, how Airflow stops it, and how it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import Context

from ...errors import ArchiveError
from ..errors import as_airflow
from ..retries import default_policy, wait_in_slot
from ..running import StoppableRun, Stopped
from .telling import TellingOperator

T = TypeVar("T")


class ArchiveOperator(TellingOperator):
    """An operator that runs a use case. Stopping it loses nothing: what was committed stays, and the next run continues."""

    _running: StoppableRun[Any] | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if getattr(self, "retry_policy", None) is None and (policy := default_policy()):
            self.retry_policy = policy

    def run_stoppable(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the coroutine of `main` returns. Raises what it raises, and Stopped if Airflow stops the task."""
        run: StoppableRun[T] = StoppableRun(main)
        self._running = run
        try:
            return run.result()
        finally:
            self._running = None

    def on_kill(self) -> None:
        """Stop the run. Airflow calls this in a signal handler, and after `execution_timeout`."""
        if self._running is not None:
            self._running.stop()

    def failure(self, error: ArchiveError, context: Context) -> AirflowException:
        """Return what to raise, with `from None`, and log what is wrong and what to do.

        A version of Airflow that cannot delay the retry as long as the other side asked waits for it here.
        """
        ti = context.get("ti")
        is_last = getattr(ti, "try_number", 1) > getattr(ti, "max_tries", 0)
        failure = as_airflow(error)
        if wait := wait_in_slot(failure, self.retry_delay, is_last=is_last):
            self.log.warning("Waiting %.0f s before this try fails, since a retry would be refused earlier", wait)
            with suppress(Stopped):
                self.run_stoppable(lambda: asyncio.sleep(wait))
        return as_airflow(error, self.log)
