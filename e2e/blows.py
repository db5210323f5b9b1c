"""What is done to a run in mid-work, and what becomes of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import psutil  # type: ignore[import-untyped]

from .cluster import Worker
from .rest import Try

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

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._orphans: dict[str, psutil.Process] = {}
        self._windows: dict[int, str] = {}
        self._at = 0.0
        self._lasted = 0.0
        self._when = ""
        self.overlapping: set[int] = set()
        """Windows whose second try was seen to run while the first one still ran."""

    @property
    def struck(self) -> bool:
        return bool(self._when)

    def look(self, tries: Sequence[Try]) -> None:
        windows = [each for each in tries if each.task == WINDOWS]
        if self.struck:
            self._follow(windows)
            return
        done = sum(each.state == "success" for each in windows)
        running = self._worker.tasks()
        known = {each.id: each.window for each in windows if each.id in running and each.state == "running"}
        if windows and 2 * done >= len(windows) and known:
            os.kill(self._worker.pid, signal.SIGKILL)
            self._orphans = {name: running[name] for name in known}
            self._windows = {window: name for name, window in known.items()}
            self._at, self._when = time.monotonic(), f"after {done} of {len(windows)} windows"

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
            f"main process of {self._worker.name} killed {self._when}; its {len(self._orphans)} tasks went on, up to "
            f"{self._lasted:.0f} s; {len(self.overlapping)} of their windows were seen to run twice at the same time"
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
