"""Runs a use case in a task, so that Airflow can stop it: by `on_kill`, or by the exception of `execution_timeout`."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

from ..adapters.process_exit import wait_for_threads_at_exit
from ..errors import TransientError

T = TypeVar("T")

SECONDS_TO_STOP = 4.0
"""How long a stopped run may take to close its connections. Airflow sends SIGKILL 5 s after SIGTERM."""

LONGEST_DEAFNESS = 0.5
"""Seconds. The system may deliver a signal to any thread of the process. A wait without a limit in the main thread then goes on,
and Python runs no handler before it ends.
"""


class Stopped(TransientError):
    """Airflow stopped the task: somebody marked it or cleared it, or its machine shuts down."""


class StoppableRun(Generic[T]):
    """One run, on an event loop in a thread of its own, while the calling thread waits for it.

    Airflow stops a task by a signal. Its handler runs in the main thread, between any two instructions of Python. If that were
    the thread of the event loop, an exception of the handler could end one copy of many, or be logged by the loop and lost. Here
    it ends the wait, and that cancels the run as a whole.
    """

    def __init__(self, main: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._main = main
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = threading.Event()
        self._task: asyncio.Task[T] | None = None
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._is_stopped = False

    def result(self) -> T:
        """Run, and return what `main` returns. Raises what it raises, and Stopped after `stop`."""
        try:
            self._start(self._ended.set)
            while not self._ended.wait(LONGEST_DEAFNESS):
                # Handlers of signals run here.
                continue
        except BaseException:
            self.stop()
            self._ended.wait(SECONDS_TO_STOP)
            raise
        self._thread.join()
        return self._outcome()

    async def wait(self) -> T:
        """As `result`, without blocking the event loop of the caller. Cancelling the wait stops the run."""
        here, ended = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            # The loop is closed if nobody waits any more.
            with suppress(RuntimeError):
                here.call_soon_threadsafe(ended.set)

        try:
            self._start(tell)
            await ended.wait()
        except BaseException:
            self.stop()
            raise
        return self._outcome()

    def _start(self, tell: Callable[[], None]) -> None:
        wait_for_threads_at_exit()
        self._loop, self._tell = asyncio.new_event_loop(), tell
        context = contextvars.copy_context()
        # A daemon: if it does not end in time, it must not keep the process.
        self._thread = threading.Thread(
            target=context.run, args=(self._run, self._loop), name="stablecog-run", daemon=True
        )
        self._thread.start()

    def _outcome(self) -> T:
        error, self._error = self._error, None
        if error is None:
            return self._result.pop()
        try:
            if self._is_stopped and isinstance(error, asyncio.CancelledError):
                raise Stopped("Airflow stopped the task before its run came to an end") from None
            raise error
        finally:
            # Else the traceback would refer to this frame, and the frame to the error.
            del error

    def stop(self) -> None:
        """Cancel the run, and return at once. May be called in a signal handler, from any thread, and more than once."""
        self._is_stopped = True
        if self._loop is not None:
            # The loop is closed if the run has ended.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                self._result.append(runner.run(self._watched()))
        except BaseException as error:
            self._error = error
        finally:
            self._tell()

    async def _watched(self) -> T:
        self._task = asyncio.current_task()
        if self._is_stopped:
            raise asyncio.CancelledError
        return await self._main()
