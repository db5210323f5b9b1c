"""A forget whose listing lacks a partition: because it lags, or because the partition was deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.ports import Listed
from stablecog_provider.errors import ArchiveDamaged
from stablecog_provider.model.object_keys import day_of
from support.archived import a_past_world
from support.forgotten import archived_with_secrets, assert_forgotten, ids_of, is_killed, killed_at, some
from support.scene import LAYOUT, Scene


class LaggingStore(MemoryObjectStore):
    """Does not list the objects at the keys `late`."""

    late: frozenset[str] = frozenset()

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        async for each in super().list(prefix):
            if each.key not in self.late:
                yield each


async def test_a_listing_that_lags_leaves_no_trace_of_what_was_forgotten() -> None:
    scene = await archived_with_secrets(a_past_world())
    rows = await some(scene)
    lagging = LaggingStore(versioned=True)
    lagging.objects, lagging.earlier = scene.store.objects, scene.store.earlier
    lagging.late = frozenset(LAYOUT.partition(day_of(row.created_at)) for row in rows)
    scene.store = lagging
    report = await scene.forget(id=ids_of(rows), yes=True)
    assert (report.outcome, report.count) == ("forgotten", 3)
    lagging.late = frozenset()
    await assert_forgotten(scene, rows)


async def test_a_partition_that_only_an_intent_names_is_searched() -> None:
    """A run was killed between a new day's partition and the checkpoint, and the listing lags."""
    scene = Scene(a_past_world(), store=LaggingStore(versioned=True))
    await scene.run()
    scene.clock.advance(timedelta(days=3))
    (output,) = scene.simulated.add(scene.clock.now() - timedelta(hours=3))
    partition = LAYOUT.partition(day_of(output.g))
    scene.store.after = killed_at("put", partition)
    assert await is_killed(scene.run())
    scene.store.after = None
    assert isinstance(scene.store, LaggingStore)
    scene.store.late = frozenset([partition])
    report = await scene.forget(id=(output.id,), yes=True)
    assert (report.count, report.unknown) == (1, ())
    assert not [key for key in scene.store.objects if output.id in key]


async def test_a_partition_that_is_missing_is_no_partition_without_such_outputs() -> None:
    scene = await archived_with_secrets(a_past_world())
    row = (await some(scene))[0]
    key = LAYOUT.partition(day_of(row.created_at))
    held = scene.store.objects.pop(key)
    before = dict(scene.store.objects)
    with pytest.raises(ArchiveDamaged, match="missing") as refused:
        await scene.forget(id=(row.output_id,), yes=True)
    assert "restore" in str(refused.value)
    assert scene.store.objects == before
    # The way out, followed.
    scene.store.objects[key] = held
    await scene.forget(id=(row.output_id,), yes=True)
    await assert_forgotten(scene, [row])
