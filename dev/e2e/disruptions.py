"""What is done to a run in mid-work, and what becomes of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import psutil

from .airflow_api import Try
from .cluster import Worker

_YOUNG = timedelta(seconds=3), timedelta(seconds=9)
"""How long a window has been at work when its worker is killed: long enough to be copying, with most of it ahead."""
WINDOWS = "archive"
"""The task that is mapped over the windows."""


class Blow(Protocol):
    """Looks at a run again and again, strikes once, and tells of it."""

    def look(self, tries: Sequence[Try]) -> None: ...

    def told(self) -> str: ...

    @property
    def struck(self) -> bool: ...


class WorkerKilled:
    """SIGKILL of a worker's main process once half of the windows are done. Its tasks go on; the scheduler, which hears no
    more of them, has the others start them again.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = workers
        self._orphans: dict[str, psutil.Process] = {}
        self._windows: dict[int, str] = {}
        self._at = self._lasted = 0.0
        self._struck = ""
        self.overlapping: set[int] = set()
        """Windows whose second try was seen to run while the first one still ran."""

    @property
    def struck(self) -> bool:
        return bool(self._struck)

    def look(self, tries: Sequence[Try]) -> None:
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

    def _strike(self, worker: Worker, windows: Sequence[Try], told: str) -> None:
        running = worker.tasks()
        self._windows = {each.window: each.id for each in windows if each.id in running and each.state == "running"}
        self._orphans = {name: running[name] for name in self._windows.values()}
        os.kill(worker.pid, signal.SIGKILL)
        self._at, self._struck = time.monotonic(), told

    def _follow(self, windows: Sequence[Try]) -> None:
        alive = {name for name, orphan in self._orphans.items() if _runs(orphan)}
        if alive:
            self._lasted = time.monotonic() - self._at
        for each in windows:
            first = self._windows.get(each.window)
            if first in alive and each.id != first and each.state == "running":
                self.overlapping.add(each.window)

    def told(self) -> str:
        return (
            f"main process of {self._struck}; its {len(self._orphans)} tasks went on, up to {self._lasted:.0f} s; "
            f"{len(self.overlapping)} of their windows were seen to run twice at the same time"
        )


class TaskKilled:
    """SIGKILL of the process group of a task that is copying: Airflow's own retry finishes its window. `copied`: how many
    images the source has been asked for; `after`: how many of them are to be waited for.
    """

    def __init__(self, workers: Sequence[Worker], copied: Callable[[], int], after: int) -> None:
        self._workers, self._copied, self._after = workers, copied, after
        self._when = ""

    @property
    def struck(self) -> bool:
        return bool(self._when)

    def look(self, tries: Sequence[Try]) -> None:
        if self.struck or (copied := self._copied()) < self._after:
            return
        running = {each.id for each in tries if each.task == WINDOWS and each.state == "running"}
        for worker in self._workers:
            for name, task in worker.tasks().items():
                # Not the group of anything else, whatever a later Airflow may do.
                if name in running and os.getpgid(task.pid) == task.pid:
                    os.killpg(task.pid, signal.SIGKILL)
                    self._when = f"{worker.name}, when {copied} images had been asked for"
                    return

    def told(self) -> str:
        return f"process group of a task killed on {self._when}"


def _runs(each: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(each.is_running() and each.status() != psutil.STATUS_ZOMBIE)
    return False
