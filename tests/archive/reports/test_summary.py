"""The summary that travels by XCom is small whatever happened, and says where the rest is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stablecog_provider.archive.reports.changed import ChangedDay
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.model.counts import Difference, Proof
from stablecog_provider.model.coverage import Coverage, Window
from stablecog_provider.model.failure import SHOWN_FAILURES, Failure
from stablecog_provider.model.verdict import Outcome

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLACES = tuple(Difference(NOW, NOW + timedelta(hours=1), 2, 1, NOW, NOW) for _ in range(2000))


def report(**found: Any) -> RunReport:
    proof = Proof(NOW - timedelta(days=1), NOW, 3, 3, NOW)
    return RunReport(
        run_id="r", archive="s3://b/p", source="https://a", started_at=NOW, finished_at=NOW, proof=proof, **found
    )


@pytest.mark.parametrize(
    "found",
    [
        {"differences": PLACES},
        {"holes": PLACES},
        {"failed": 9999, "failures": tuple(Failure("o", "original", "x" * 900) for _ in range(SHOWN_FAILURES))},
        {"hosts_down": {f"host-{number}.test": "503" for number in range(500)}},
        {"changed": tuple(ChangedDay((NOW - timedelta(days=number)).date()) for number in range(2000))},
        {"notes": ("n" * 50_000,)},
        {"claims": ("\N{PILE OF POO}" * 5_000,)},
    ],
    ids=lambda found: next(iter(found)),
)
def test_it_is_below_8_kb_whatever_happened(found: dict[str, Any]) -> None:
    everything = report(outcome=Outcome.NOT_PROVEN, **found)
    summary = everything.summary()
    assert len(json.dumps(summary)) < 8_000
    if summary["explanation"] != everything.explain():
        assert "the rest is in the report under runs/" in summary["explanation"][-1]


def test_what_is_still_to_be_read_again_is_named() -> None:
    """It is why the verdict is `proven, in part`, for example if another run found it at the same time."""
    reread = Coverage.of(Window(NOW + timedelta(hours=hour), NOW + timedelta(hours=hour, minutes=1)) for hour in (0, 5))
    (sentence,) = [line for line in report(reread=reread).explain() if "read again, the first" in line]
    assert sentence.startswith("2 periods are still to be read again, the first from 2026-11-21 12:00:00Z to")
    assert not [line for line in report().explain() if "read again, the first" in line]


def test_what_fits_is_there_whole() -> None:
    everything = report(outcome=Outcome.PROVEN, copied=5)
    assert everything.summary()["explanation"] == everything.explain()
    assert everything.summary()["copied"] == 5
