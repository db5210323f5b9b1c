"""`status`: how an archive stands, from the bucket alone."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.model.checkpoint import Checkpoint, Proof
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.object_keys import Layout
from support.console import TO, type_in

LAYOUT = Layout.parse(TO)
START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def proof(source: int = 30, manifest: int = 30) -> Proof:
    return Proof(START, START + 3 * DAY, source, manifest, START + 4 * DAY)


def checkpoint(found: Proof | None, **changes: object) -> Checkpoint:
    known: dict[str, object] = {
        "coverage": Coverage((Window(START, START + 3 * DAY),)),
        "days": {date(2026, 11, 1): 10, date(2026, 11, 2): 20, date(2026, 11, 3): 0},
        "saved_at": START + 4 * DAY,
    }
    return Checkpoint("https://api.example", Axis.COMPLETED, proof=found, **(known | changes))  # type: ignore[arg-type]


def store(found: Checkpoint | None = None, **objects: bytes) -> MemoryObjectStore:
    made = MemoryObjectStore()

    async def fill() -> None:
        if found:
            await made.put(LAYOUT.checkpoint, found.to_json(), content_type="application/json")
            for day in found.days:
                await made.put(LAYOUT.partition(day), b"not read", content_type="application/vnd.apache.parquet")
        for name, body in objects.items():
            await made.put(f"{LAYOUT.runs}{name}.json", body, content_type="application/json")

    asyncio.run(fill())
    return made


def report(run_id: str, started_at: datetime) -> bytes:
    made = RunReport(
        run_id=run_id, archive=TO, source="https://api.example", started_at=started_at, finished_at=started_at
    )
    return json.dumps(made.to_document()).encode()


def test_without_an_archive_it_says_so() -> None:
    typed = type_in("status", "--to", TO, store=store())
    assert typed.code == 2
    assert f"there is no archive at {TO}" in typed.err


def test_it_needs_no_api_key() -> None:
    assert type_in("status", "--to", TO, store=store(checkpoint(proof())), environ={}).code == 0


def test_a_proven_archive() -> None:
    typed = type_in("status", "--to", TO, store=store(checkpoint(proof())))
    assert typed.code == 0
    assert "PROVEN" in typed.out
    assert "30 on 2 days" in typed.out
    assert "2026-11-04T00:00:00.000000Z" in typed.out


def test_gaps_are_3_and_the_proof_says_what_it_is_of() -> None:
    windows = Coverage((Window(START, START + DAY), Window(START + 2 * DAY, START + 3 * DAY)))
    typed = type_in("status", "--to", TO, store=store(checkpoint(proof(), coverage=windows)))
    assert typed.code == 3
    assert "PROVEN, IN PART" in typed.out
    told = " ".join(typed.out.split())
    assert (
        "2026-11-02T00:00:00.000000Z to 2026-11-03T00:00:00.000000Z; a run without --start and --end reads it" in told
    )
    assert "30 outputs from 2026-11-01T00:00:00.000000Z to 2026-11-04T00:00:00.000000Z" in told


def test_a_proof_of_a_part_is_none_of_the_whole() -> None:
    part = Proof(START + DAY, START + 3 * DAY, 20, 20, START + 4 * DAY)
    typed = type_in("status", "--to", TO, store=store(checkpoint(part)))
    assert typed.code == 3
    assert "PROVEN, IN PART" in typed.out
    assert "a run without --start and --end proves the rest" in " ".join(typed.out.split())


def test_what_the_last_run_could_not_prove_is_not_proven_by_its_sum() -> None:
    told = json.loads(report("later", START + 4 * DAY)) | {"outcome": "not proven"}
    typed = type_in("status", "--to", TO, store=store(checkpoint(proof()), later=json.dumps(told).encode()))
    assert (typed.code, typed.out.split("\n")[0]) == (3, "NOT PROVEN")


def test_a_partition_that_is_missing_is_named() -> None:
    held = store(checkpoint(proof()))
    lost = LAYOUT.partition(date(2026, 11, 2))
    del held.objects[lost]
    typed = type_in("status", "--to", TO, "--json", store=held)
    assert typed.code == 3
    assert typed.document["outcome"] == "not proven"
    assert typed.document["missing"] == [LAYOUT.uri(lost)]
    assert any(LAYOUT.uri(lost) in line and "rebuild" in line for line in typed.document["explanation"])


def test_a_proof_that_differs_is_3_and_says_what_to_do() -> None:
    typed = type_in("status", "--to", TO, store=store(checkpoint(proof(31))))
    assert typed.code == 3
    assert "the source counts 31 outputs and the manifest holds 30" in " ".join(typed.out.split())
    assert "Run again" in typed.out


def test_pending_retries_are_3() -> None:
    waiting = checkpoint(proof(), retries={date(2026, 11, 2): START + 5 * DAY})
    typed = type_in("status", "--to", TO, "--json", store=store(waiting))
    assert typed.code == 3
    assert typed.document["pending_retries"] == {"2026-11-02": "2026-11-06T00:00:00.000000Z"}
    assert typed.document["outcome"] == "proven, with failed images"


def test_gaps_are_named() -> None:
    torn = Coverage((Window(START, START + DAY), Window(START + 2 * DAY, START + 3 * DAY)))
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof(), coverage=torn)))
    assert typed.document["gaps"] == [["2026-11-02T00:00:00.000000Z", "2026-11-03T00:00:00.000000Z"]]
    assert typed.document["watermark"] == "2026-11-02T00:00:00.000000Z"


def test_before_the_first_window_nothing_is_claimed() -> None:
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(None, coverage=Coverage(), days={})))
    assert typed.code == 3
    assert typed.document["watermark"] is None
    assert typed.document["gaps"] == []
    assert "No proof yet" in " ".join(typed.document["explanation"])


def test_the_last_run_is_the_one_that_began_last() -> None:
    kept = store(
        checkpoint(proof()),
        **{
            "20261104T000000Z-b": report("newest", START + 3 * DAY),
            "20261103T000000Z-c": report("older", START + 2 * DAY),
        },
    )
    last = type_in("status", "--to", TO, "--json", store=kept).document["last_run"]
    assert last["run_id"] == "newest"
    assert "Nothing is covered yet." in last["explanation"]
    assert "newest" in type_in("status", "--to", TO, store=kept).out


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_damaged_report_hides_nothing_else(body: bytes) -> None:
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof()), **{"20261104T000000Z-b": body}))
    assert typed.code == 0
    assert typed.document["last_run"] is None


def test_a_damaged_checkpoint_is_an_error_with_a_way_out() -> None:
    made = store()
    asyncio.run(made.put(LAYOUT.checkpoint, b"{}", content_type="application/json"))
    typed = type_in("status", "--to", TO, "--json", store=made)
    assert typed.code == 1
    assert typed.document["kind"] == "ArchiveDamaged"
    assert typed.document["hint"]


def test_what_the_bucket_says_is_text_and_never_markup() -> None:
    odd = Checkpoint("https://[bold]x[/bold]", Axis.COMPLETED, proof=proof())
    assert "https://[bold]x[/bold]" in type_in("status", "--to", TO, store=store(odd)).out
