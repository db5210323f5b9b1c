"""More places that differ than are remembered one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from stablecog_provider.archive.proving.conclusion import conclude
from stablecog_provider.archive.proving.proof import RunProof
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.counts import Difference
from stablecog_provider.model.coverage import Axis
from support.scene import ADDRESS, LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of


class Amended:
    """A committer of a checkpoint that another run has changed."""

    def __init__(self, found: Checkpoint) -> None:
        self.found = found

    async def amend(self, change):  # type: ignore[no-untyped-def]
        self.found = change(self.found)
        return self.found


def place(number: int, source: int = 2) -> Difference:
    start = NOON - 200 * DAY + number * DAY
    return Difference(start, start + HOUR, source, 1, NOON, NOON)


async def test_no_place_is_dropped_if_another_run_has_found_some_too() -> None:
    known = Checkpoint(source=ADDRESS, axis=Axis.REQUESTED)
    mine = tuple(place(2 * number) for number in range(64))
    others = tuple(place(2 * number + 1) for number in range(40))
    committer = Amended(replace(known, differences=others))
    proof = RunProof(known=known, proof=None, differences=mine)
    saved, _ = await conclude(committer, proof, "run", NOON, NOON, NOON, lambda each: each)  # type: ignore[arg-type]
    assert len(saved.differences) == 64
    kept = saved.differences
    assert all(any(one.start <= each.start and each.end <= one.end for one in kept) for each in (*mine, *others))
    assert sum(each.surplus for each in kept) == 104


async def test_a_place_larger_than_a_page_in_which_a_loss_and_a_deletion_cancel_out_is_not_forgotten() -> None:
    """As two neighbours that were put together leave it, or one that changed once more."""
    stage = stage_of(*days_of(100, 10))
    await stage.checked_run()
    checkpoint = Checkpoint.from_json(stage.store.objects[LAYOUT.checkpoint].body)
    # No midnight lies between the two.
    at = NOON - 5 * DAY
    stage.simulated.add(at + timedelta(seconds=90.5), at + timedelta(seconds=95))
    victim = next(each for each in stage.simulated.visible(NOON) if each.g == at + timedelta(minutes=50))
    stage.simulated.delete(victim.id, NOON)
    both = Difference(NOON - 10 * DAY - HOUR, NOON - DAY, 901, 901, NOON, NOON)
    await stage.store.put(LAYOUT.checkpoint, replace(checkpoint, differences=(both,)).to_json(), content_type="")
    stage.clock.advance(HOUR)
    report = await stage.run(lookback=timedelta(0))
    assert report.outcome != "proven" or victim.id in {
        output_id for (output_id, _), row in (await stage.rows()).items() if row.deleted_at is not None
    }
    reports = await stage.ordinary_runs(4, every=HOUR)
    assert reports[-1].outcome == "proven", reports[-1].explain()
    await stage.assert_nothing_lost()
    assert reports[-1].differences == ()
