"""`status` for those who watch: limits, the schedule, several archives, last runs, metrics."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cli.test_status import DAY, LAYOUT, PARTITIONS, START, checkpoint, proof, report, store, with_images
from stablecog_provider.archive.reports.limits import Limits, schedule_of
from stablecog_provider.archive.status import ArchiveStatus, status
from stablecog_provider.errors import ConfigurationError
from stablecog_provider.model.checkpoint import Checkpoint, Sweep
from stablecog_provider.model.partition_summary import ImageCounts, Reason
from stablecog_provider.model.refreshed import Refreshed
from stablecog_provider.model.times import BEGINNING
from stablecog_provider.model.verification import Verified
from support.console import TO, type_in

END = START + 3 * DAY
HOUR = timedelta(hours=1)
FRESH = Sweep(previous=END, refreshed=(Refreshed(BEGINNING, END, END),))


def seen(
    found: Checkpoint, now: datetime, limits: Limits | None = None, runs: dict[str, bytes] | None = None
) -> ArchiveStatus:
    return asyncio.run(status(store(found, **(runs or {})), LAYOUT, now, limits or Limits()))


def name_of(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}-b"


def test_a_lag_is_the_age_of_the_newest_covered_instant() -> None:
    told = seen(checkpoint(proof(), sweep=FRESH), END + 36 * HOUR, Limits(lag=36 * HOUR))
    assert (told.lag, told.broken, told.exit_code) == (36 * HOUR, (), 0)
    told = seen(checkpoint(proof(), sweep=FRESH), END + 37 * HOUR, Limits(lag=36 * HOUR))
    assert told.exit_code == 3
    assert told.broken[0].startswith("--max-lag 36h is broken: the newest covered instant is 2026-11-04 00:00:00Z")


def test_bytes_that_nobody_verified_break_a_limit_once_they_are_older_than_it() -> None:
    verified = {
        day: replace(each, verified=(Verified(END, each.images.archived, each.bytes),))
        for day, each in PARTITIONS.items()
    }
    limit = Limits(unverified=30 * DAY)
    assert not seen(checkpoint(proof(), partitions=verified), END + 29 * DAY, limit).broken
    (broken,) = seen(checkpoint(proof(), partitions=verified), END + 31 * DAY, limit).broken
    assert "--max-unverified 30d is broken: 30 images" in broken
    assert not seen(checkpoint(proof()), START + 10 * DAY, limit).broken
    assert "30 images" in seen(checkpoint(proof()), START + 40 * DAY, limit).broken[0]


def test_metadata_that_was_not_read_for_long_breaks_a_limit() -> None:
    limit = Limits(unrefreshed=30 * DAY)
    assert not seen(checkpoint(proof(), sweep=FRESH), END + 30 * DAY, limit).broken
    (broken,) = seen(checkpoint(proof(), sweep=FRESH), END + 31 * DAY, limit).broken
    assert broken.startswith("--max-unrefreshed 30d is broken: the oldest metadata was read at 2026-11-04 00:00:00Z")
    assert "nothing is known to have been read" in seen(checkpoint(proof()), END, limit).broken[0]


def test_the_command_exits_with_3_and_names_the_limit() -> None:
    typed = type_in("status", TO, "--max-lag", "36h", store=store(checkpoint(proof())))
    assert (typed.code, typed.out.split("\n")[0]) == (3, "PROVEN, BUT OUT OF DATE")
    assert "--max-lag 36h is broken" in typed.out


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(ConfigurationError, match="max_lag"):
        Limits(lag=timedelta(0))
    assert type_in("status", TO, "--max-lag", "0", store=store(checkpoint(proof()))).code == 2


def test_a_verdict_older_than_the_schedule_is_out_of_date() -> None:
    starts = [START + days * DAY for days in (1, 2, 3)]
    runs = {name_of(at): report("r", at) for at in starts}
    compared = START + 4 * DAY
    assert seen(checkpoint(proof()), compared + 2 * DAY, runs=runs).outcome == "proven"
    told = seen(checkpoint(proof()), compared + 2 * DAY + 2 * HOUR, runs=runs)
    assert (told.outcome, told.exit_code) == ("proven, but out of date", 3)
    assert any("runs started every 24.0 hours" in line for line in told.explain())
    assert not any(line.startswith("Proven") for line in told.explain())


def test_two_runs_show_no_schedule() -> None:
    assert schedule_of([START, START + DAY]) is None
    assert schedule_of([START, START + 3 * DAY, START + DAY]) == 2 * DAY


def test_the_last_run_is_the_last_one_whatever_became_of_it() -> None:
    failed = {
        "kind": "run", "run_id": "f", "started_at": "2026-11-05T00:00:00Z", "finished_at": "2026-11-05T00:01:00Z",
        "outcome": "failed", "explanation": ["This run failed: SourceUnavailable: 500."],
    }  # fmt: skip
    verify = failed | {"kind": "verify", "run_id": "v", "outcome": "intact"}
    runs = {
        name_of(START): report("old", START),
        name_of(START + 4 * DAY): json.dumps(failed).encode(),
        name_of(START + 5 * DAY): json.dumps(verify).encode(),
    }
    told = seen(checkpoint(proof()), END + DAY, runs=runs)
    assert told.last_run is not None
    assert (told.last_run.run_id, told.last_run.outcome) == ("f", "failed")
    assert [run.run_id for run in told.runs] == ["v", "f", "old"]
    assert "SourceUnavailable: 500" in type_in("status", TO, store=store(checkpoint(proof()), **runs)).out


def test_reasons_and_growth() -> None:
    partitions = with_images(date(2026, 11, 2), ImageCounts(archived=18, failed=2))
    partitions[date(2026, 11, 2)] = replace(
        partitions[date(2026, 11, 2)], reasons=(Reason("failed", "403 Forbidden", 2),)
    )
    told = seen(checkpoint(proof(), partitions=partitions), END)
    assert told.reasons == {"failed: 403 Forbidden": 2}
    assert {month: (each.outputs, each.images, each.bytes) for month, each in told.months.items()} == {
        "2026-11": (30, 28, 300)
    }


def test_several_archives_are_one_table_with_the_worst_exit_code() -> None:
    held = store(checkpoint(proof()))
    asyncio.run(held.put("other/checkpoint.json", checkpoint(proof(31), partitions={}).to_json(), content_type="x/y"))
    typed = type_in("status", TO, "s3://archive/other", store=held)
    assert typed.code == 3
    assert "NOT" in typed.out
    assert "archive/stablecog" in "".join(typed.out.split())
    document = type_in("status", TO, "s3://archive/none", "--json", store=held)
    assert document.code == 2
    first, second = document.document["archives"]
    assert (first["outcome"], second["kind"]) == ("proven", "ConfigurationError")


def test_an_address_is_needed() -> None:
    typed = type_in("status", store=store())
    assert typed.code == 2
    assert "name at least one archive" in typed.err


def test_metrics_are_what_prometheus_reads() -> None:
    from prometheus_client.parser import text_string_to_metric_families  # type: ignore[import-not-found,unused-ignore]

    held = store(checkpoint(proof(), sweep=FRESH))
    typed = type_in("status", TO, "s3://archive/none", "--format", "prometheus", store=held)
    families: dict[str, Any] = {family.name: family for family in text_string_to_metric_families(typed.out)}
    assert all(family.type == "gauge" and family.documentation for family in families.values())
    readable = {each.labels["archive"]: each.value for each in families["stablecog_archive_readable"].samples}
    assert readable == {TO: 1.0, "s3://archive/none": 0.0}
    (covered,) = families["stablecog_archive_covered_timestamp_seconds"].samples
    assert datetime.fromtimestamp(covered.value, UTC) == END
    verdicts = {each.labels["verdict"]: each.value for each in families["stablecog_archive_verdict"].samples}
    assert verdicts["proven"] == 1.0
    assert sum(verdicts.values()) == 1.0
