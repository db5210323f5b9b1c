"""A first run beside another archive of the same account: a warning before anything is copied, at a bounded cost."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.committing.neighbours import MOST_READ
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.errors import ArchiveError, CredentialsRejected, StoreUnavailable
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Dialect
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.scene import Scene

WARNED = "already holds an archive of this account"


def scene(seed: int = 0, outputs: int = 40, dialect: Dialect = CURRENT) -> Scene:
    made = Scene(SimulatedWorld.generate(outputs=outputs, days=3, seed=seed), dialect=dialect)
    made.clock.instant += timedelta(hours=1)
    return made


async def run(account: Scene, prefix: str, store: MemoryObjectStore) -> RunReport:
    layout = Layout("archive", prefix)
    account.store = store
    ports = account.ports()
    ports = Ports(
        source=ports.source, images=ports.images, store=store, manifest=ParquetManifest(store, layout), clock=ports.clock,
        sleep=ports.sleep,
    )  # fmt: skip
    return await archive(ports, ArchiveSettings(layout=layout))


def warned(report: RunReport) -> list[str]:
    return [line.partition(" ")[0] for line in report.explain() if WARNED in line]


@pytest.mark.parametrize(
    ("existing", "new"),
    [
        ("stablecog", ""),  # the forgotten prefix
        ("", "stablecog"),
        ("stablecog", "stabelcog"),
        ("stablecog", "stablecog/stablecog"),
        ("team/stablecog", "team/stable"),
        ("team/stablecog", "stablecog"),
        ("team", "team/a/b"),
        ("manifest", "images"),
    ],
)
@pytest.mark.parametrize("dialect", [CURRENT, DOCUMENTED], ids=["current", "documented"])
async def test_the_other_archive_is_named(existing: str, new: str, dialect: Dialect) -> None:
    store, account = MemoryObjectStore(), scene(dialect=dialect)
    assert warned(await run(account, existing, store)) == []
    deep = existing == "team/stablecog" and new == "stablecog"
    assert warned(await run(account, new, store)) == ([] if deep else [str(Layout("archive", existing))])


async def test_it_is_said_once_and_before_anything_is_copied(caplog: pytest.LogCaptureFixture) -> None:
    store, account, copied_before = MemoryObjectStore(), scene(), list[int]()
    await run(account, "stablecog", store)

    class Noted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if WARNED in record.getMessage():
                copied_before.append(len([key for key in store.objects if key.startswith("new/")]))

    logger, handler = logging.getLogger("stablecog_provider"), Noted()
    logger.addHandler(handler)
    try:
        assert len(warned(await run(account, "new", store))) == 1
        assert warned(await run(account, "new", store)) == []
        assert warned(await run(account, "stablecog", store)) == []
    finally:
        logger.removeHandler(handler)
    assert copied_before == [0]


async def test_another_account_beside_it_is_no_reason_to_warn() -> None:
    store = MemoryObjectStore()
    await run(scene(seed=1), "anna", store)
    assert warned(await run(scene(seed=2), "ben", store)) == []


@pytest.mark.parametrize("samples", [True, False])
async def test_an_account_that_has_grown_is_recognised_with_and_without_its_samples(samples: bool) -> None:
    store, account = MemoryObjectStore(), Scene(SimulatedWorld.generate(outputs=60, days=3, future=400))
    await run(account, "stablecog", store)
    if not samples:
        checkpoint = Checkpoint.from_json(store.objects["stablecog/checkpoint.json"].body)
        bare = replace(checkpoint, account=())
        await store.put("stablecog/checkpoint.json", bare.to_json(), content_type="application/json")
    account.clock.instant += timedelta(days=60)
    report = await run(account, "", store)
    assert report.new > 400
    assert warned(report) == ["s3://archive/stablecog"]


@pytest.mark.parametrize("error", [CredentialsRejected("403"), StoreUnavailable("503")], ids=["policy", "outage"])
@pytest.mark.parametrize("what", ["listing", "checkpoint", "images"])
async def test_a_refusal_costs_the_warning_and_nothing_else(error: ArchiveError, what: str) -> None:
    store, account = MemoryObjectStore(), scene()
    await run(account, "stablecog", store)

    def refuse(call: Call) -> None:
        elsewhere = not call.key.startswith("new/")
        listing = call.operation == "list" and call.key in ("", "new/") and what == "listing"
        if listing or (elsewhere and what == "checkpoint" and call.operation == "get"):
            raise error
        if elsewhere and what == "images" and call.operation == "list" and "images/" in call.key:
            raise error

    store.before = refuse
    report = await run(account, "new", store)
    assert report.exit_code == 0
    # Without the images, the samples of the checkpoint tell.
    assert warned(report) == (["s3://archive/stablecog"] if what == "images" else [])


async def test_a_neighbour_that_cannot_be_read_is_skipped() -> None:
    store, account = MemoryObjectStore(), scene()
    for folder, body in (("a", b""), ("b", b"<html>"), ("c", b'{"version": 99}'), ("d", b"\xff\xfe")):
        await store.put(f"{folder}/checkpoint.json", body, content_type="application/json")
    await store.put("not a prefix/x", b"", content_type="text/plain")
    await store.put("//x", b"", content_type="text/plain")
    assert warned(await run(account, "new", store)) == []


async def test_a_bucket_of_many_prefixes_costs_a_bounded_number_of_requests() -> None:
    account = scene()
    alone, crowded = MemoryObjectStore(), MemoryObjectStore()
    for number in range(900):
        await crowded.put(f"job-{number:04}/x", b"", content_type="text/plain")
    await run(account, "stablecog", crowded)
    crowded.requests = 0
    report = await run(account, "stablecogg", crowded)
    assert warned(report) == ["s3://archive/stablecog"]
    await run(account, "stablecogg", alone)
    assert crowded.requests - alone.requests <= MOST_READ + 1
    assert report.source_requests <= report.request_limit


async def test_an_archive_that_holds_nothing_yet_is_no_reason_to_warn() -> None:
    store, account = MemoryObjectStore(), scene()
    await run(account, "stablecog", store)
    checkpoint = Checkpoint.from_json(store.objects["stablecog/checkpoint.json"].body)
    begun = replace(checkpoint, partitions={})
    await store.put("stablecog/checkpoint.json", begun.to_json(), content_type="application/json")
    assert warned(await run(account, "new", store)) == []
