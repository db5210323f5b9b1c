"""Disruptions of a run: a worker or a task is killed, or a worker that has a message in its hand."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import psutil

from .airflow_api import Try
from .cluster import Worker
from .sessions import kill_session, members

_YOUNG = timedelta(seconds=3), timedelta(seconds=9)
"""Age of a window whose worker is killed: old enough to be copying, with most of the work still ahead."""
_RECEIVED = "] received"
"""What Celery logs about a message."""
WINDOWS = "archive"
"""The task that is mapped over the windows."""


class Disruption(Protocol):
    """Watches a run and strikes once."""

    def observe(self, tries: Sequence[Try]) -> None:
        """Called about once a second with the tries so far."""

    def description(self) -> str:
        """Return a sentence for the report."""

    @property
    def struck(self) -> bool: ...


class WorkerKilled:
    """Kills the main process of a worker once half of the windows are done.

    Its tasks continue. The scheduler misses their heartbeats and lets other workers start them again.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = workers
        self._orphans: dict[str, psutil.Process] = {}
        self._windows: dict[int, str] = {}
        self._at = self._lasted = 0.0
        self._struck = ""
        self.overlapping: set[int] = set()
        """Windows whose second try ran while the first one was still running."""

    @property
    def struck(self) -> bool:
        return bool(self._struck)

    def observe(self, tries: Sequence[Try]) -> None:
        windows = [each for each in tries if each.task == WINDOWS]
        if self.struck:
            self._follow(windows)
            return
        done = sum(each.state == "success" for each in windows)
        now = datetime.now(UTC)
        young = {each.id for each in windows if each.began and _YOUNG[0] < now - each.began < _YOUNG[1]}
        if windows and 2 * done >= len(windows) and young:
            for worker in self._workers:
                if not self.struck and young & worker.tasks().keys():
                    self._strike(worker, windows, f"{worker.name} killed after {done} of {len(windows)} windows")

    def _strike(self, worker: Worker, windows: Sequence[Try], moment: str) -> None:
        running = worker.tasks()
        self._windows = {each.window: each.id for each in windows if each.id in running and each.state == "running"}
        self._orphans = {name: running[name] for name in self._windows.values()}
        os.kill(worker.pid, signal.SIGKILL)
        self._at, self._struck = time.monotonic(), moment

    def _follow(self, windows: Sequence[Try]) -> None:
        alive = {name for name, orphan in self._orphans.items() if _runs(orphan)}
        if alive:
            self._lasted = time.monotonic() - self._at
        for each in windows:
            first = self._windows.get(each.window)
            if first in alive and each.id != first and each.state == "running":
                self.overlapping.add(each.window)

    def description(self) -> str:
        return (
            f"main process of {self._struck}; its {len(self._orphans)} tasks continued for up to {self._lasted:.0f} s; "
            f"{len(self.overlapping)} of their windows ran twice at the same time"
        )


class TaskKilled:
    """Kills the process group of a task while it is copying. Airflow's own retry finishes its window.

    `copied`: returns how many images have been requested from the source. `after`: strike once it returns this many.
    """

    def __init__(self, workers: Sequence[Worker], copied: Callable[[], int], after: int) -> None:
        self._workers, self._copied, self._after = workers, copied, after
        self._when = ""

    @property
    def struck(self) -> bool:
        return bool(self._when)

    def observe(self, tries: Sequence[Try]) -> None:
        if self.struck or (copied := self._copied()) < self._after:
            return
        running = {each.id for each in tries if each.task == WINDOWS and each.state == "running"}
        for worker in self._workers:
            for name, task in worker.tasks().items():
                # Never kill another group, whatever a later Airflow does.
                if name in running and os.getpgid(task.pid) == task.pid:
                    os.killpg(task.pid, signal.SIGKILL)
                    self._when = f"{worker.name}, after {copied} images had been requested"
                    return

    def description(self) -> str:
        return f"process group of a task killed on {self._when}"


class MessageInHand:
    """Kills a worker that has received a task and has not begun to run it.

    The processes that would run it are stopped before, so the moment lasts until it is struck. Redis hands the message out again
    only after a day; the scheduler sends another one once the task has been queued for `task_queued_timeout`.
    """

    def __init__(self, worker: Worker, log: Path) -> None:
        self._worker, self._log = worker, log
        self._when = ""
        for each in members(worker.pid):
            if each.pid != worker.pid:
                each.suspend()

    @property
    def struck(self) -> bool:
        return bool(self._when)

    def observe(self, tries: Sequence[Try]) -> None:
        if not self.struck and _RECEIVED in self._log.read_text(errors="replace"):
            queued = sorted({each.task for each in tries if each.state == "queued"})
            kill_session(self._worker.pid)
            self._when = f"{self._worker.name}, while {', '.join(queued) or 'a task'} was queued"

    def description(self) -> str:
        return f"worker killed with a message in hand: {self._when}"


def _runs(each: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(each.is_running() and each.status() != psutil.STATUS_ZOMBIE)
    return False
