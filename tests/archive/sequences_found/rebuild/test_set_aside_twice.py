"""The store client repeats a request whose response was lost; the response to the second one is 412."""

from __future__ import annotations

from typing import Any

from stablecog_provider.adapters.memory import MemoryObject, MemoryObjectStore
from support.scene import LAYOUT
from support.stage import DAY, NOON, Stage, days_of, stage_of


class Repeating(MemoryObjectStore):
    """Repeats the next write of a partition."""

    repeats = False

    async def put(self, key: str, body: bytes, **options: Any) -> str:
        version = await super().put(key, body, **options)
        if self.repeats and LAYOUT.parse_partition(key):
            self.repeats = False
            return await super().put(key, body, **options)
        return version


async def test_a_set_aside_is_not_taken_for_another_runs_write() -> None:
    store = Repeating()
    stage = Stage(stage_of(*days_of(20, 3)).simulated, store=store)
    await stage.checked_run()
    stage.store.objects[LAYOUT.partition((NOON - DAY).date())] = MemoryObject(b"PAR1", "bad", "", {})
    store.repeats = True
    report = await stage.rebuild(set_aside_damaged=True)
    assert len(report.set_aside) == 1
    assert not store.repeats
