"""What a task's log shows: groups that are closed, a table, and progress that becomes rarer."""

from __future__ import annotations

import re

import pytest

from stablecog_provider.airflow.task_log import aligned, counted_seconds, grouped, progress_of, table_of
from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.reports.progress import LoggedProgress
from support.airflow_recorded import report


def test_a_group_is_closed_also_by_an_error() -> None:
    lines: list[str] = []

    def log(text: str, *values: object) -> None:
        lines.append(text % values)

    def fail() -> None:
        with grouped(log, "Report"):
            log("inside")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert lines == ["::group::Report", "inside", "::endgroup::"]


def test_the_table_is_aligned_and_has_the_counts() -> None:
    lines = table_of(report(copied=5, bytes=1_500_000, new=4, read=7, failed=1))
    starts = {re.match(r"\w+ +", line).end() for line in lines}  # type: ignore[union-attr]
    assert len(starts) == 1
    assert lines[0].split() == ["outcome", "proven"]
    assert any("4 new, 7 read" in line for line in lines)
    assert any("5 copied (1.5 MB), 1 failed" in line for line in lines)
    assert any("source 3, manifest 3" in line for line in lines)


def test_a_table_without_a_proof() -> None:
    assert any("nothing was compared" in line for line in table_of(report(source=None)))


def test_an_empty_table() -> None:
    assert aligned([]) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (12.34, "12.3 s"), (60, "1 min 0 s"), (303, "5 min 3 s"), (7500, "2 h 5 min")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert counted_seconds(seconds) == words


def test_twelve_hours_are_a_few_hundred_lines() -> None:
    lines: list[str] = []
    now = [0.0]
    on_progress = LoggedProgress(lambda text, *values: lines.append(text), lambda: now[0], slowest=120)
    gaps, last = [], 0.0
    for second in range(12 * 3600):
        now[0] = float(second)
        before = len(lines)
        on_progress(Progress(done=second))
        if len(lines) > before:
            gaps.append(second - last)
            last = second
    assert 300 < len(lines) < 500
    assert gaps[0] == 15
    assert max(gaps) == 120
    assert gaps == sorted(gaps)


def test_tasks_log_progress_at_that_rate() -> None:
    assert progress_of.keywords == {"slowest": 120}  # type: ignore[attr-defined]
