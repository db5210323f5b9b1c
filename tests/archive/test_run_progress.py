"""What a run says of its progress: how much there is to read is known from the start, also if a first run goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Dialect
from support.scene import LAYOUT, Scene
from support.worlds import a_world

OUTPUTS = 2_000


async def progress_of(scene: Scene, *, dies_after: int | None = None, **settings: object) -> list[Progress]:
    seen: list[Progress] = []
    source = scene._asked_anew()
    source.dies_after = dies_after
    try:
        await archive(scene.ports(source), ArchiveSettings(layout=LAYOUT, **settings), seen.append)  # type: ignore[arg-type]
    except SourceUnavailable:
        assert dies_after
    return seen


@pytest.mark.parametrize("dialect", [CURRENT, DOCUMENTED], ids=["current", "documented"])
async def test_a_first_run_that_goes_on_knows_how_much_is_left(dialect: Dialect) -> None:
    scene = Scene(a_world(OUTPUTS, days=20, future=0), dialect=dialect)
    first = await progress_of(scene, dies_after=8)
    assert (first[0].read, first[0].total) == (0, OUTPUTS)
    left = OUTPUTS - len({output for output, _ in await scene.rows()})
    assert 0 < left < OUTPUTS

    second = await progress_of(scene)
    total = second[0].total
    assert total is not None
    # What is read again around the place where it stopped is counted, too.
    assert left <= total < OUTPUTS
    assert total == pytest.approx(second[-1].read, abs=OUTPUTS * 0.1)
    assert second[-1].done == second[-1].planned > 0


async def test_a_first_run_of_a_period_counts_that_period() -> None:
    scene = Scene(a_world(OUTPUTS, days=20, future=0))
    start = scene.clock.now() - timedelta(days=5)
    seen = await progress_of(scene, start=start)
    within = [output for output in scene.simulated.visible(scene.clock.now()) if output.g >= start]
    assert seen[0].total == len(within) < OUTPUTS


async def test_later_runs_ask_for_no_count() -> None:
    scene = Scene(a_world(OUTPUTS, days=20))
    await progress_of(scene)
    scene.clock.instant += timedelta(days=1)
    seen = await progress_of(scene)
    assert seen[-1].read > 0
    assert {each.total for each in seen} == {None}
