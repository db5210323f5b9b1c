"""A source that names no count now and then, while a checkpoint is rebuilt."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from stablecog_provider.errors import ArchiveError
from stablecog_provider.model.page import Page, PageQuery
from support.scene import LAYOUT
from support.stage import DAY, NOON, Ask, days_of, stage_of


@pytest.mark.long
@pytest.mark.parametrize("several", [1, 2, 3, 100])
async def test_what_nobody_counted_is_not_covered(several: int) -> None:
    for silent in range(1, 16):
        stage = stage_of(*days_of(20, 3))
        await stage.checked_run()
        del stage.store.objects[LAYOUT.partition(stage.simulated.visible(NOON)[-1].g.date())]
        asked: list[PageQuery] = []

        async def play(query: PageQuery, ask: Ask, asked: list[PageQuery] = asked, silent: int = silent) -> Page:
            asked.append(query)
            page = await ask(query)
            return replace(page, total=None) if silent <= len(asked) < silent + several else page

        stage.play = play
        stage.clock.advance(DAY)
        with suppress(ArchiveError):
            report = await stage.rebuild()
            held = {output_id for output_id, _ in await stage.rows()}
            claimed = [each.id for each in stage.live().values() if each.o in report.coverage and each.id not in held]

            assert (silent, claimed) == (silent, [])
            assert report.exit_code == 3
