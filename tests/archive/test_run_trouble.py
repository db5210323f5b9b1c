"""Runs that die, stores that fail or lie, and documents of the archive that are not what they should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.archive.status import status
from stablecog_provider.errors import (
    ArchiveDamaged,
    ConfigurationError,
    SourceUnavailable,
    StoreUnavailable,
    UnsafeStore,
)
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Dialect
from support.scene import LAYOUT, Scene
from support.worlds import a_world, assert_complete, checkpoint


async def test_a_store_that_ignores_conditions_is_refused_unless_allowed() -> None:
    scene = Scene(a_world(outputs=20), store=MemoryObjectStore(ignores_conditions=True))
    with pytest.raises(UnsafeStore, match="ignores conditional writes"):
        await scene.run()
    assert not [key for key in scene.store.objects if not key.endswith("checkpoint.json")]
    assert (await scene.run(allow_unsafe_store=True)).outcome == "proven"


async def test_a_start_after_all_that_has_settled_is_refused_before_anything_is_written() -> None:
    scene = Scene(a_world(outputs=20))
    with pytest.raises(ConfigurationError, match="is too late") as raised:
        await scene.run(start=scene.clock.now() + timedelta(hours=2))
    assert raised.value.hint == "choose an earlier start"
    assert scene.store.objects == {}


async def test_the_store_is_probed_once() -> None:
    calls: list[Call] = []
    scene = Scene(a_world(outputs=20), store=MemoryObjectStore(after=lambda call: calls.append(call)))
    await scene.run()
    assert any(".probe-" in call.key for call in calls)
    assert not [key for key in scene.store.objects if ".probe-" in key]
    calls.clear()
    await scene.run()
    assert not any(".probe-" in call.key for call in calls)


@pytest.mark.long
async def test_a_run_that_dies_at_any_write_leaves_nothing_that_the_next_cannot_finish() -> None:
    reference = Scene(a_world(outputs=60, days=2))
    await reference.run()
    wanted = {key: row.sha256 for key, row in (await reference.rows()).items()}
    deaths = 0
    for fatal in range(1, 80, 3):
        scene = Scene(a_world(outputs=60, days=2))
        writes = 0

        def die(call: Call) -> None:
            nonlocal writes
            writes += call.operation == "put"
            if writes == fatal:  # noqa: B023
                raise RuntimeError("killed")

        # Even deaths come after the write took effect, odd ones before.
        scene.store = MemoryObjectStore(**{"after" if fatal % 2 else "before": die})  # type: ignore[arg-type]
        try:
            await scene.run()
        except RuntimeError:
            deaths += 1
        scene.store.before = scene.store.after = None
        report = await scene.run()
        assert report.outcome == "proven", (fatal, report.explain())
        found = {key: row.sha256 for key, row in (await scene.rows()).items()}
        # A day whose partition a killed run wrote is read up to now, so it may hold more.
        assert wanted.items() <= found.items()
        assert {key[0] for key in found} <= {output.id for output in scene.simulated.visible(scene.clock.now())}
    assert deaths > 20


async def test_a_source_that_dies_keeps_what_was_committed() -> None:
    scene = Scene(a_world(outputs=2500, every=2.0, days=3, future=0))
    scene.source_dies_after = 8
    with pytest.raises(SourceUnavailable):
        await scene.run()
    scene.source_dies_after = None
    covered = checkpoint(scene).coverage
    assert covered.watermark is not None
    report = await scene.run()
    assert report.outcome == "proven"
    assert report.copied < len(await scene.rows()), "what was committed is not copied again"
    await assert_complete(scene)


async def test_a_store_that_fails_ends_the_run_with_its_own_error() -> None:
    def fail(call: Call) -> None:
        if call.operation == "put" and "/images/" in call.key:
            raise ConfigurationError("AccessDenied on images/")

    scene = Scene(a_world(outputs=50), store=MemoryObjectStore(before=fail))
    with pytest.raises(ConfigurationError, match="AccessDenied"):
        await scene.run()
    assert checkpoint(scene).coverage.watermark is None


async def test_unknown_outcomes_of_checkpoint_writes_are_looked_at_before_writing_again() -> None:
    trouble = iter(range(1000))

    def flaky(call: Call) -> None:
        if call.operation == "put" and call.key == LAYOUT.checkpoint and next(trouble) % 2:
            raise StoreUnavailable("reset after the write")

    scene = Scene(a_world(outputs=100), store=MemoryObjectStore(after=flaky))
    assert (await scene.run()).outcome == "proven"


async def test_the_same_account_at_another_address_goes_on_and_says_so() -> None:
    scene = Scene(a_world(outputs=20))
    await scene.run()
    stored = scene.store.objects[LAYOUT.checkpoint]
    other = replace(checkpoint(scene), source="https://other.test")
    scene.store.objects[LAYOUT.checkpoint] = replace(stored, body=other.to_json())
    report = await scene.run()
    assert report.outcome == "proven"
    assert any("address changed from https://other.test to https://simulated.test" in line for line in report.explain())
    assert checkpoint(scene).source == "https://simulated.test"


async def test_a_manifest_without_a_checkpoint_is_never_restarted_from_nothing() -> None:
    scene = Scene(a_world(outputs=20))
    await scene.run()
    del scene.store.objects[LAYOUT.checkpoint]
    with pytest.raises(ArchiveDamaged, match=r"no checkpoint\.json"):
        await scene.run()


@pytest.mark.parametrize("dialect", [CURRENT, DOCUMENTED], ids=["current", "documented"])
async def test_status_says_what_the_run_said(dialect: Dialect) -> None:
    scene = Scene(a_world(outputs=80), dialect)
    for _ in range(2):
        assert (
            (await scene.run()).outcome
            == (await status(scene.store, LAYOUT, scene.our_clock.now())).outcome
            == "proven"
        )
        scene.clock.advance(timedelta(days=1))
    await scene.run(start=scene.clock.now() - timedelta(hours=3))
    assert (await status(scene.store, LAYOUT, scene.our_clock.now())).outcome in ("proven, in part", "not proven"), (
        "of a part only, or of nothing"
    )
