"""`status`: the state of an archive, from the bucket alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.ports import Listed
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.model.checkpoint import Checkpoint, Consent, Forgetting, Sweep, Verdict
from stablecog_provider.model.counts import Difference, Proof
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.partition_summary import ImageCounts, PartitionSummary
from stablecog_provider.model.refreshed import Refreshed
from stablecog_provider.model.times import BEGINNING
from stablecog_provider.model.verdict import Outcome
from support.console import TO, type_in

LAYOUT = Layout.parse(TO)
START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PARTITIONS = {
    date(2026, 11, 1): PartitionSummary(live=10, images=ImageCounts(archived=10), bytes=100),
    date(2026, 11, 2): PartitionSummary(live=20, images=ImageCounts(archived=20), bytes=200),
    date(2026, 11, 3): PartitionSummary(),
}


TORN = Coverage((Window(BEGINNING, START + DAY), Window(START + 2 * DAY, START + 3 * DAY)))


def proof(source: int = 30, manifest: int = 30) -> Proof:
    return Proof(BEGINNING, START + 3 * DAY, source, manifest, START + 4 * DAY)


def checkpoint(found: Proof | None, **changes: object) -> Checkpoint:
    known: dict[str, object] = {
        "coverage": Coverage((Window(BEGINNING, START + 3 * DAY),)),
        "partitions": PARTITIONS,
        "saved_at": START + 4 * DAY,
    }
    return Checkpoint("https://api.example", Axis.COMPLETED, proof=found, **(known | changes))  # type: ignore[arg-type]


def with_images(day: date, images: ImageCounts, due: datetime | None = None) -> dict[date, PartitionSummary]:
    return {**PARTITIONS, day: replace(PARTITIONS[day], images=images, due=due)}


def store(found: Checkpoint | None = None, **objects: bytes) -> MemoryObjectStore:
    """A bucket with this checkpoint and the partitions that it knows, in the versions that it knows."""
    made = MemoryObjectStore()

    async def fill() -> None:
        if found:
            summaries = {}
            for day, summary in found.partitions.items():
                version = await made.put(LAYOUT.partition(day), b"not read", content_type="x/y")
                summaries[day] = replace(summary, version=version)
            body = replace(found, partitions=summaries).to_json()
            await made.put(LAYOUT.checkpoint, body, content_type="application/json")
        for name, body in objects.items():
            await made.put(f"{LAYOUT.runs}{name}.json", body, content_type="application/json")

    asyncio.run(fill())
    return made


def report(run_id: str, started_at: datetime) -> bytes:
    made = RunReport(
        run_id=run_id, archive=TO, source="https://api.example", started_at=started_at, finished_at=started_at
    )
    return json.dumps(made.to_document()).encode()


def test_a_missing_archive_is_reported() -> None:
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
    assert "2026-11-04 00:00:00 UTC" in typed.out


def test_with_gaps_the_exit_code_is_3_and_the_proof_names_its_period() -> None:
    typed = type_in("status", "--to", TO, store=store(checkpoint(proof(), coverage=TORN)))
    assert typed.code == 3
    assert "PROVEN, IN PART" in typed.out
    text = " ".join(typed.out.split())
    gap = "2026-11-02 00:00:00Z to 2026-11-03 00:00:00Z. A run without --start and --end reads it."
    assert f"Not covered: {gap}" in text
    assert "from 2000-01-01 00:00:00Z to 2026-11-04 00:00:00Z, the source counts 30 outputs" in text


def test_a_proof_of_a_part_does_not_prove_the_whole() -> None:
    part = Proof(START + DAY, START + 3 * DAY, 20, 20, START + 4 * DAY)
    typed = type_in("status", "--to", TO, store=store(checkpoint(part)))
    assert typed.code == 3
    assert "PROVEN, IN PART" in typed.out
    assert "A run without --start and --end proves the rest" in " ".join(typed.out.split())


def test_without_the_beginning_only_a_part_is_proven() -> None:
    late = Coverage((Window(START, START + 3 * DAY),))
    typed = type_in("status", "--to", TO, store=store(checkpoint(proof(), coverage=late)))
    assert (typed.code, typed.out.split("\n")[0]) == (3, "PROVEN, IN PART")
    assert "Not covered: the beginning to 2026-11-01 00:00:00Z." in " ".join(typed.out.split())


def test_what_the_last_run_concluded_outweighs_an_equal_total_also_without_its_report() -> None:
    unproven = checkpoint(proof(), verdict=Verdict(Outcome.NOT_PROVEN, "r", START + 4 * DAY))
    typed = type_in("status", "--to", TO, store=store(unproven))
    assert (typed.code, typed.out.split("\n")[0]) == (3, "NOT PROVEN")


def test_a_place_that_differs_outweighs_an_equal_total_and_is_named() -> None:
    place = Difference(START, START + DAY, 11, 10, START, START)
    typed = type_in("status", "--to", TO, store=store(checkpoint(proof(), differences=(place,))))
    assert (typed.code, typed.out.split("\n")[0]) == (3, "NOT PROVEN")
    text = " ".join(typed.out.split())
    assert "differ between 2026-11-01 00:00:00Z and 2026-11-02 00:00:00Z: source 11, manifest 10." in text


def test_a_partition_of_another_version_is_named_and_the_whole_is_not_claimed() -> None:
    held = store(checkpoint(proof()))
    changed = LAYOUT.partition(date(2026, 11, 2))
    asyncio.run(held.put(changed, b"restored", content_type="x/y"))
    typed = type_in("status", "--to", TO, "--json", store=held)
    assert (typed.code, typed.document["outcome"]) == (3, "proven, in part")
    assert typed.document["changed"] == {"2026-11-02": None}
    explanation = "\n".join(typed.document["explanation"])
    assert "The partitions of 2026-11-02 were changed by something other than a finished run." in explanation


def test_a_partition_that_a_store_lists_late_is_not_missing() -> None:
    held = store(checkpoint(proof()))
    late = LAYOUT.partition(date(2026, 11, 2))

    class Lagging(MemoryObjectStore):
        async def list(self, prefix: str) -> AsyncIterator[Listed]:
            async for item in super().list(prefix):
                if item.key != late:
                    yield item

    lagging = Lagging()
    lagging.objects = held.objects
    assert type_in("status", "--to", TO, store=lagging).code == 0


def test_when_what_was_compared_is_said() -> None:
    unread = " ".join(type_in("status", "--to", TO, store=store(checkpoint(proof()))).out.split())
    assert "Outputs were compared by count at 2026-11-05 00:00:00Z." in unread
    assert "Metadata last refreshed: at an unknown time" in unread
    assert "late upscales may be missing" in unread
    read_at = (Refreshed(BEGINNING, START + 3 * DAY, START + 2 * DAY),)
    swept = checkpoint(proof(), sweep=Sweep(previous=START + 2 * DAY, rounds=1, refreshed=read_at))
    read = " ".join(type_in("status", "--to", TO, store=store(swept)).out.split())
    assert "Metadata last refreshed: the oldest at 2026-11-03 00:00:00Z (outputs: " in read
    assert "late upscales" not in read


def test_consents_are_kept_for_whoever_asks() -> None:
    consent = Consent("deletions", 7, "r", START)
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof(), consents=(consent,))))
    assert typed.document["consents"] == [
        {"kind": "deletions", "count": 7, "run_id": "r", "at": "2026-11-01T00:00:00.000000Z"}
    ]


def test_a_partition_that_is_missing_is_named() -> None:
    held = store(checkpoint(proof()))
    lost = LAYOUT.partition(date(2026, 11, 2))
    del held.objects[lost]
    typed = type_in("status", "--to", TO, "--json", store=held)
    assert typed.code == 3
    assert typed.document["outcome"] == "not proven"
    assert typed.document["missing"] == [LAYOUT.uri(lost)]
    assert any(LAYOUT.uri(lost) in line and "rebuild" in line for line in typed.document["explanation"])


def test_a_proof_that_differs_has_exit_code_3_and_a_next_step() -> None:
    typed = type_in("status", "--to", TO, store=store(checkpoint(proof(31))))
    assert typed.code == 3
    text = " ".join(typed.out.split())
    assert "the source counts 31 outputs and the manifest holds 30" in text
    assert "Later runs read the periods that differ again" in text


def test_failed_images_have_exit_code_3() -> None:
    images = with_images(date(2026, 11, 2), ImageCounts(archived=19, failed=1), START + 5 * DAY)
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof(), partitions=images)))
    assert typed.code == 3
    assert typed.document["pending_retries"] == {"2026-11-02": "2026-11-06T00:00:00.000000Z"}
    assert typed.document["outcome"] == "proven, with failed images"
    assert any(
        "1 image could not be fetched yet. Next retry: 2026-11-06 00:00:00Z." in line
        for line in typed.document["explanation"]
    )


def test_images_that_are_gone_for_days_are_named_and_do_not_count_against_the_archive() -> None:
    images = with_images(date(2026, 11, 2), ImageCounts(archived=18, gone=2, settled=2), START + 90 * DAY)
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof(), partitions=images)))
    assert (typed.code, typed.document["outcome"]) == (0, "proven")
    assert typed.document["images"]["gone"] == 2
    assert any("2 images are gone at the source" in line for line in typed.document["explanation"])


def test_images_that_are_lost_are_named() -> None:
    images = with_images(date(2026, 11, 2), ImageCounts(archived=19, lost=1), START)
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof(), partitions=images)))
    assert (typed.code, typed.document["outcome"]) == (3, "proven, with failed images")
    assert any("1 archived image needs to be fetched again" in line for line in typed.document["explanation"])


def test_gaps_are_named() -> None:
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof(), coverage=TORN)))
    assert typed.document["gaps"] == [["2026-11-02T00:00:00.000000Z", "2026-11-03T00:00:00.000000Z"]]
    assert typed.document["watermark"] == "2026-11-02T00:00:00.000000Z"


def test_before_the_first_window_nothing_is_claimed() -> None:
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(None, coverage=Coverage(), partitions={})))
    assert typed.code == 3
    assert typed.document["watermark"] is None
    assert typed.document["gaps"] == []
    assert "No proof yet" in " ".join(typed.document["explanation"])


def test_the_last_run_is_the_one_that_started_last() -> None:
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
def test_a_damaged_report_hides_only_itself(body: bytes) -> None:
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof()), **{"20261104T000000Z-b": body}))
    assert typed.code == 0
    assert typed.document["last_run"] is None


def test_a_damaged_checkpoint_is_an_error_with_a_hint() -> None:
    made = store()
    asyncio.run(made.put(LAYOUT.checkpoint, b"{}", content_type="application/json"))
    typed = type_in("status", "--to", TO, "--json", store=made)
    assert typed.code == 1
    assert typed.document["kind"] == "ArchiveDamaged"
    assert typed.document["error"].startswith(f"{TO}/checkpoint.json cannot be read: ")
    assert typed.document["hint"]


def test_a_forget_that_has_not_ended_is_the_next_step() -> None:
    left = (Forgetting("f0", (date(2026, 11, 1),), START),)
    typed = type_in("status", "--to", TO, "--json", store=store(checkpoint(proof(), forgetting=left)))
    assert (typed.code, typed.document["outcome"]) == (0, "proven")
    assert "forget --to ... --yes" in typed.document["next_step"]


def test_text_from_the_bucket_is_never_markup() -> None:
    odd = Checkpoint("https://[bold]x[/bold]", Axis.COMPLETED, proof=proof())
    assert "https://[bold]x[/bold]" in type_in("status", "--to", TO, store=store(odd)).out
