"""Programs that the demo runs: each in a process group of its own with its own log, and none outlives the demo."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

TERM_SECONDS, KILL_SECONDS = 3.0, 10.0
TAIL_LINES = 30
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


class StepFailed(Exception):
    """A step did not do what it should. `tail` is the end of its log, `log` where the rest is."""

    def __init__(self, step: str, why: str, log: Path | None = None) -> None:
        super().__init__(f"{step}: {why}")
        self.step, self.why, self.log = step, why, log

    @property
    def tail(self) -> str:
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


@contextlib.contextmanager
def started(command: Sequence[str], log: Path, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends; then its whole process group is stopped, whatever happened."""
    log.parent.mkdir(parents=True, exist_ok=True)
    child = None
    try:
        # An interruption between the start and knowing of it would leave a program that nobody stops.
        with _interruptions_held(), log.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603 - our own programs
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=dict(environ),
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        yield child
    finally:
        if child:
            with _interruptions_held():
                _stop(child)


@contextlib.contextmanager
def _interruptions_held() -> Iterator[None]:
    """What asks us to stop while the block runs is heeded at its end. Signals come to the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    handlers = {number: signal.signal(number, note) for number in INTERRUPTIONS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if told:
            signal.raise_signal(told[0])


def finish(
    step: str, child: subprocess.Popen[bytes], log: Path, seconds: float, *, hopeless: str | None = None
) -> None:
    """Wait for a program to end well; `hopeless` is a text that, once in the log, makes waiting pointless.

    Raises StepFailed.
    """
    deadline = time.monotonic() + seconds
    while (code := child.poll()) is None:
        if time.monotonic() > deadline:
            raise StepFailed(step, f"not done after {seconds:.0f} s", log)
        if hopeless and hopeless in log.read_text(errors="replace"):
            raise StepFailed(step, f"its log says {hopeless}", log)
        time.sleep(0.1)
    if code:
        raise StepFailed(step, f"ended with exit code {code}", log)


def wait_until(
    step: str, ready: Callable[[], bool], child: subprocess.Popen[bytes], log: Path, seconds: float = 180.0
) -> None:
    """Wait until a server that was started is `ready`. Raises StepFailed, at once if it ended instead."""
    deadline = time.monotonic() + seconds
    while not ready():
        if child.poll() is not None:
            raise StepFailed(step, f"ended with exit code {child.returncode} instead of serving", log)
        if time.monotonic() > deadline:
            raise StepFailed(step, f"not ready after {seconds:.0f} s", log)
        time.sleep(0.1)


def heed_interruptions() -> None:
    """From here on SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, once."""
    _on_interruption(_interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Whoever presses Ctrl-C twice must not cut short the stopping.
    _on_interruption(signal.SIG_IGN)
    raise KeyboardInterrupt


def _on_interruption(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    # SIGINT, too: a shell's background job inherits it ignored, and Python then leaves it so.
    for number in INTERRUPTIONS:
        signal.signal(number, handler)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """A child's first step, on Linux alone: even where we are killed and can stop nothing, the kernel sends it this signal when
    the thread that started it is gone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def _stop(child: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        # The group may outlive its leader, so it is told even where the leader has gone.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        deadline = time.monotonic() + seconds
        while child.poll() is None or _lives(child.pid):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            return


def _lives(group: int) -> bool:
    """Whether anything in the process group still runs; a zombie, which nobody may ever reap, does not."""
    for running in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(running.pid) == group and running.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
