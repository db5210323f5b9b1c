"""A run of `make e2e` fails for reasons other than its images, too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from dev.e2e.airflow_api import Try
from dev.e2e.check import TRUTH, Findings
from dev.e2e.cpu_sampling import CpuShares
from dev.e2e.runs import Course, Line, Run, faults_of
from dev.e2e.show import ratio

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
CLEAN = Findings(outputs=1, images=1, lost=[], doubled=[], corrupt=[])


def run(**changes: Any) -> Run:
    truth = pa.Table.from_pylist([{"output_id": "o", "rendition": "original", "sha256": "0"}], schema=TRUTH)
    usual = {"name": "x", "workers": 1, "outputs": 1, "windows": 1, "concurrency": 1, "latency": 0.0, "truth": truth}
    return Run(**{**usual, **changes})


def course(state: str = "success") -> Course:
    return Course(
        [Try("1", "archive", 0, state, 1, NOW, NOW), Try("2", "prove", -1, "success", 1, NOW, NOW)], "success"
    )


def report(outcome: str = "proven", source: int = 1) -> dict[str, Any]:
    return {"finished_at": "2026-11-21T08:00:00Z", "outcome": outcome, "proof": {"source": source}}


def line(**changes: Any) -> Line:
    usual = {
        "run": run(),
        "seconds": 1.0,
        "windows": 1,
        "retries": 0,
        "limited": 0,
        "cpu": CpuShares(),
        "findings": CLEAN,
    }
    return Line(**{**usual, **changes})


def test_a_proven_run_is_clean() -> None:
    assert (
        faults_of(run(), course(), None, [report("not proven") | {"finished_at": "2026-11-21T07:59:59Z"}, report()])
        == []
    )
    assert line().clean


@pytest.mark.parametrize(
    ("reports", "fault"),
    [
        ([], "is missing"),
        ([report("not proven")], "is not proven"),
        ([report("proven, with failed images")], "with failed images"),
        ([report(source=2)], "counts 2 outputs, the account has 1"),
    ],
)
def test_an_unproven_run_is_a_failure(reports: list[dict[str, Any]], fault: str) -> None:
    (found,) = faults_of(run(), course(), None, reports)
    assert fault in found
    assert not line(faults=[found]).clean


def test_an_unfinished_window_and_a_kill_that_did_not_happen_are_failures() -> None:
    assert faults_of(run(), course("failed"), None, [report()]) == ["not done: archive 0"]
    assert "nothing was killed" in faults_of(run(killed="task"), course(), None, [report()])[0]


@pytest.mark.parametrize("wrong", ["lost", "doubled", "corrupt"])
def test_one_wrong_image_is_a_failure(wrong: str) -> None:
    findings = {"lost": [], "doubled": [], "corrupt": [], wrong: ["o (original)"]}
    assert not line(findings=Findings(1, 1, **findings)).clean


def test_the_speed_up_compares_undisturbed_runs_of_the_same_account() -> None:
    one, two = line(seconds=20.0), line(run=run(workers=2), seconds=10.0)
    assert ratio([one, two]) == 2.0
    assert ratio([one, line(run=run(workers=2, killed="worker")), line(run=run(workers=2, outputs=7))]) is None
