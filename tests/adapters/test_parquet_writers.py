"""Other writers, and stores that fail: whoever comes in between, all rows are in the table in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import MAX_LOST_RACES, MAX_UNKNOWN_OUTCOMES
from stablecog_provider.archive.ports import Conflict, Partition
from stablecog_provider.errors import StoreUnavailable
from stablecog_provider.model.manifest import Row
from support.manifests import KEY, TODAY, Pauses, a_manifest, by_key, stored_table, together
from support.rows import a_row, rows


class Faults:
    """A hook that raises, at the puts it is told to (counted from 0)."""

    def __init__(self, error: Callable[[], Exception], at: range) -> None:
        self.error, self.at, self.puts = error, at, 0

    def __call__(self, call: Call) -> None:
        if call.operation == "put":
            self.puts += 1
            if self.puts - 1 in self.at:
                raise self.error()


def unavailable(retry_after: float | None = None) -> Exception:
    return StoreUnavailable("the store hung", retry_after=retry_after)


async def test_a_lost_race_is_run_again_over_what_the_winner_wrote() -> None:
    store = MemoryObjectStore()
    one, other = a_manifest(store), a_manifest(store)
    await asyncio.gather(*(manifest.merge(TODAY, [a_row(name)]) for manifest, name in ((one, "a"), (other, "b"))))
    assert (await one.load(TODAY)).live_ids() == {"a", "b"}


async def test_losing_every_race_is_said_in_the_end() -> None:
    store = MemoryObjectStore(before=Faults(lambda: Conflict(KEY), range(1_000)))
    pauses = Pauses()
    with pytest.raises(StoreUnavailable, match=f"s3://bucket/{KEY} was changed by other runs {MAX_LOST_RACES} times"):
        await a_manifest(store, pauses).merge(TODAY, [a_row()])
    assert len(pauses.asked) == MAX_LOST_RACES - 1
    assert pauses.asked == sorted(pauses.asked)
    assert max(pauses.asked) == 5.0


@pytest.mark.parametrize("landed", [True, False])
async def test_after_an_unknown_outcome_it_looks_before_it_writes(landed: bool) -> None:
    faults = Faults(unavailable, range(1))
    store = MemoryObjectStore(after=faults) if landed else MemoryObjectStore(before=faults)
    merged = await a_manifest(store).merge(TODAY, [a_row()])
    assert merged.live_ids() == {"a"}
    assert faults.puts == (1 if landed else 2)
    assert stored_table(store).num_rows == 1


async def test_a_store_that_stays_away_is_reported() -> None:
    faults, pauses = Faults(lambda: unavailable(9.0), range(1_000)), Pauses()
    with pytest.raises(StoreUnavailable, match="the store hung"):
        await a_manifest(MemoryObjectStore(before=faults), pauses).merge(TODAY, [a_row()])
    assert faults.puts == MAX_UNKNOWN_OUTCOMES
    assert pauses.asked == [9.0] * (MAX_UNKNOWN_OUTCOMES - 1)


FAULTS = st.lists(st.sampled_from([None, None, "lost", "landed", "conflict"]), max_size=12)


@given(
    writers=st.lists(st.lists(st.lists(rows(), max_size=4), max_size=3), min_size=1, max_size=3),
    faults=FAULTS,
    turns=st.lists(st.integers(0, 3), max_size=20),
)
def test_any_interleaving_of_writers_ends_in_the_same_table(
    writers: list[list[list[Row]]], faults: list[str | None], turns: list[int]
) -> None:
    before, after = iter(faults), iter(turns)
    landed: set[int] = set()

    async def fail_before(call: Call) -> None:
        for _ in range(next(after, 0)):
            await asyncio.sleep(0)
        fault = next(before, None) if call.operation == "put" else None
        if fault == "lost":
            raise unavailable()
        if fault == "conflict":
            raise Conflict(call.key)
        if fault == "landed":
            landed.add(id(asyncio.current_task()))

    def fail_after(call: Call) -> None:
        if call.operation == "put" and id(asyncio.current_task()) in landed:
            landed.discard(id(asyncio.current_task()))
            raise unavailable()

    store = MemoryObjectStore(before=fail_before, after=fail_after)

    async def write(batches: list[list[Row]]) -> None:
        manifest = a_manifest(store)
        for batch in batches:
            while True:  # as a later run would
                try:
                    await manifest.merge(TODAY, batch)
                    break
                except StoreUnavailable:
                    continue

    async def run() -> Partition:
        await asyncio.gather(*map(write, writers))
        return await a_manifest(store).load(TODAY)

    everything = [row for batches in writers for batch in batches for row in batch]
    assert by_key(asyncio.run(run())) == together(everything)
