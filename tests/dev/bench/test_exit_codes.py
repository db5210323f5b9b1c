"""A benchmark ends with the right exit code and leaves nothing running."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dev.bench.exit_codes import exit_code
from dev.bench.process_usage import RunFailed, run_whole
from dev.bench.servers import Missing, ServerFailed
from dev.local.children import INTERRUPTIONS, StepFailed
from dev.local.s3_server import ServerFailed as S3Failed


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in INTERRUPTIONS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Missing("install it"), 2),
        (RunFailed("it broke"), 1),
        (ServerFailed("no nginx"), 1),
        (S3Failed("no bucket"), 1),
        (StepFailed("a step", "broke"), 1),
    ],
)
def test_an_error_is_printed_and_decides_the_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure() -> None:
        raise error

    assert exit_code(measure) == code
    printed = capsys.readouterr()
    assert str(error) in printed.err
    assert printed.out == ""


def test_success_is_0_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: None) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", INTERRUPTIONS)
def test_an_interruption_cleans_up(number: signal.Signals) -> None:
    cleaned_up = False

    def measure() -> None:
        nonlocal cleaned_up
        try:
            signal.raise_signal(number)
        finally:
            cleaned_up = True

    assert exit_code(measure) == 130
    assert cleaned_up


def test_stdout_can_go_to_a_file_of_its_own(tmp_path: Path) -> None:
    log, stdout = tmp_path / "log", tmp_path / "stdout"
    command = [sys.executable, "-c", "import sys; print('printed'); sys.exit('logged')"]
    with pytest.raises(RunFailed, match=r"exit code 1: logged printed$"):
        run_whole(command, os.environ, log, stdout=stdout)
    assert (log.read_text(), stdout.read_text()) == ("logged\n", "printed\n")
    with pytest.raises(RunFailed, match="exit code 1: "):
        run_whole(command, os.environ, log)
    assert sorted(log.read_text().split()) == ["logged", "printed"]


def test_children_that_a_program_left_behind_are_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    cost = run_whole(["sh", "-c", "sleep 600 & echo $!"], os.environ, log)
    assert cost.peak > 0
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(int(log.read_text())).status() == psutil.STATUS_ZOMBIE


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(RunFailed, match="not done after 0 s"):
        run_whole(["sleep", "600"], os.environ, log, longest=0.0)
