"""Child processes: each has its own process group and log, and none outlives the process that started it."""

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
    """A step failed. `log` is the path of its log, `tail` the end of it."""

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
    """Run `command` until the block ends, then stop its whole process group, whatever happened."""
    log.parent.mkdir(parents=True, exist_ok=True)
    child = None
    try:
        # An interruption between the start and the assignment would leave a program that nobody stops.
        with _signals_deferred(), log.open("ab") as output:
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
            with _signals_deferred():
                _stop(child)


@contextlib.contextmanager
def _signals_deferred() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the block ends. Python delivers signals to the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    handlers = {number: signal.signal(number, note) for number in INTERRUPTIONS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def finish(
    step: str, child: subprocess.Popen[bytes], log: Path, seconds: float, *, hopeless: str | None = None
) -> None:
    """Wait until a program ends with exit code 0. Raises StepFailed if it fails, takes too long, or logs `hopeless`."""
    deadline = time.monotonic() + seconds
    while (code := child.poll()) is None:
        if time.monotonic() > deadline:
            raise StepFailed(step, f"not done after {seconds:.0f} s", log)
        if hopeless and hopeless in log.read_text(errors="replace"):
            raise StepFailed(step, f"its log contains {hopeless}", log)
        time.sleep(0.1)
    if code:
        raise StepFailed(step, f"ended with exit code {code}", log)


def wait_until(
    step: str, ready: Callable[[], bool], child: subprocess.Popen[bytes], log: Path, seconds: float = 180.0
) -> None:
    """Wait until a started server is `ready`. Raises StepFailed, at once if the server has ended."""
    deadline = time.monotonic() + seconds
    while not ready():
        if child.poll() is not None:
            raise StepFailed(step, f"ended with exit code {child.returncode} instead of serving", log)
        if time.monotonic() > deadline:
            raise StepFailed(step, f"not ready after {seconds:.0f} s", log)
        time.sleep(0.1)


def raise_on_signals() -> None:
    """Make SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, once."""
    _on_interruption(_interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C must not interrupt the clean-up.
    _on_interruption(signal.SIG_IGN)
    raise KeyboardInterrupt


def _on_interruption(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    # SIGINT too: a shell's background job inherits it as ignored, and Python does not change that.
    for number in INTERRUPTIONS:
        signal.signal(number, handler)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Run in a child before exec: ask the kernel to send it this signal when the thread that started it ends.

    Works on Linux only. It covers the case that we are killed and cannot stop anything ourselves.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def _stop(child: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        # The group may outlive its leader, so it is signalled even if the leader has ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        deadline = time.monotonic() + seconds
        while child.poll() is None or _is_alive(child.pid):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            return


def _is_alive(group: int) -> bool:
    """Return whether any process of the group still runs. Zombies do not count: nobody may ever reap them."""
    for running in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(running.pid) == group and running.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
