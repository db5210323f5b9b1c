"""What a run costs, in requests and bytes: counted, so that a change that makes it dearer fails here, not on somebody's bill."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.archive.committing import commit
from support.scene import LAYOUT, Scene
from support.worlds import a_world


class Meter:
    """A hook of MemoryObjectStore: how often each kind of object was put, and the bytes of manifest that were."""

    def __init__(self) -> None:
        self.store = MemoryObjectStore(after=self)
        self.puts: dict[str, int] = {}
        self.manifest_bytes = 0

    async def __call__(self, call: Call) -> None:
        if call.operation == "put":
            kind = call.key.removeprefix(f"{LAYOUT.prefix}/").split("/")[0]
            self.puts[kind] = self.puts.get(kind, 0) + 1
            self.manifest_bytes += len(self.store.objects[call.key].body) * (kind == "manifest")

    @property
    def manifest_size(self) -> int:
        return sum(len(held.body) for key, held in self.store.objects.items() if key.startswith(LAYOUT.manifest))


@pytest.mark.long
@pytest.mark.parametrize(("outputs", "days"), [(7_000, 1), (2_000, 2), (300, 30)])
async def test_a_backfill_writes_little_more_manifest_than_it_leaves(outputs: int, days: int) -> None:
    meter = Meter()
    scene = Scene(a_world(outputs, days=days, every=1.0, future=0), store=meter.store)
    report = await scene.run()
    assert report.copied >= outputs * 0.8
    assert meter.manifest_bytes <= 3 * meter.manifest_size
    partitions = sum(key.startswith(LAYOUT.manifest) for key in meter.store.objects)
    assert meter.puts["manifest"] <= 2 * partitions + 4
    assert meter.puts["images"] == report.copied
    assert meter.puts["checkpoint.json"] <= report.read / commit.COMMIT_ROWS + 6
    assert report.source_requests <= report.read / 300 * 1.5 + 6


async def test_an_image_costs_one_request_of_its_host_and_one_of_the_store() -> None:
    meter = Meter()
    scene = Scene(a_world(900, days=3, future=0), store=meter.store)
    report = await scene.run()
    assert len(scene.images.asked) == len(set(scene.images.asked)) == meter.puts["images"] == report.copied


async def test_a_run_with_nothing_new_costs_the_same_on_every_archive() -> None:
    spent = {}
    for outputs, days in ((100, 2), (400, 8), (2_000, 40)):
        scene = Scene(a_world(outputs, days=days, future=0))
        await scene.run()
        scene.clock.instant += timedelta(days=3)
        await scene.run()
        scene.clock.instant += timedelta(days=1)
        report = await scene.run()
        assert report.read == report.copied == 0
        spent[outputs] = (report.source_requests, scene.store.requests)
    assert max(api for api, _ in spent.values()) <= 5
    # The stretch that is read again is of one, two or three days.
    # Three requests are for `runs/`: of this month and the last, whether the run before has ended; and that this one has begun.
    # Three more are for the change log, if metadata changed: its end, in two steps, and a record.
    assert max(s3 for _, s3 in spent.values()) <= 16


@given(st.lists(st.integers(100, 300), min_size=1, max_size=4 * commit.MAX_PENDING_ROWS // 300))
@settings(max_examples=30)
def test_rewriting_a_day_as_it_fills_stays_within_three_times_its_rows(pages: list[int]) -> None:
    """The rule alone, for a day that fills page by page up to four times MAX_PENDING_ROWS."""
    held = pending = written = 0
    for page in pages:
        pending += page
        if commit.is_worth_committing(pending, pending, held):
            held, pending = held + pending, 0
            written += held
    held += pending
    written += held if pending else 0
    assert written <= 3 * held
