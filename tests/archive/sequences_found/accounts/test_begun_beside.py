"""Another account's key, while nothing tells the account but what its first run recorded; and an account that was emptied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.errors import AnotherAccount, SourceUnavailable
from stablecog_provider.model.output import identity
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import CURRENT, CursorKey
from stablecog_provider.simulator.world import World
from support.documents import Document
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of

OPAQUE = replace(CURRENT, cursor=CursorKey.OPAQUE)


class _Killed(Exception):
    pass


async def _killed_before_its_first_row(stage: Stage) -> None:
    """Leave the archive as a first run leaves it that is killed between its checkpoint and its first partition."""

    async def killed(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(LAYOUT.manifest):
            raise _Killed

    whole = stage.store
    stage.store = MemoryObjectStore(before=killed)
    stage.store.objects = whole.objects
    with pytest.raises(_Killed):
        await stage.run()
    stage.store = whole


def _garble(document: Document) -> None:
    for output in document["outputs"]:
        output["image_url"] = ["garbled"]


def _another_account(later: timedelta = timedelta(0)) -> World:
    world = World.empty(NOON, seed=1)
    for ago in days_of(4, 2):
        at = NOON - ago + later
        world.add(at, at + timedelta(seconds=10))
    return world


async def test_an_archive_that_holds_no_row_yet_refuses_another_account() -> None:
    stage = stage_of(*days_of(5, 3))
    await _killed_before_its_first_row(stage)
    right, stage.simulated = stage.simulated, _another_account()
    with pytest.raises(AnotherAccount, match="another run has started"):
        await stage.run()
    stage.simulated = right
    assert (await stage.run()).outcome == "proven"


@pytest.mark.parametrize("right", [True, False])
async def test_a_page_that_always_fails_does_not_hide_whose_archive_was_begun(right: bool) -> None:
    """The account is so small that each larger page has that output."""
    stage = stage_of(*days_of(2, 3))
    await _killed_before_its_first_row(stage)
    if not right:
        stage.simulated = _another_account(timedelta(minutes=1))
    oldest = min(stage.simulated.visible(NOON), key=lambda output: output.created_at).id

    async def fails(query: PageQuery, page: Callable[[PageQuery], Awaitable[Page]]) -> Page:
        shown = await page(query)
        if oldest in map(identity, shown.outputs):
            raise SourceUnavailable("500, for this page")
        return shown

    stage.play = fails
    if right:
        report = await stage.run()
        assert (report.outcome, report.new) == ("not proven", 5), report.explain()
    else:
        with pytest.raises(AnotherAccount, match="another run has started"):
            await stage.run()


async def test_an_account_of_which_nothing_can_be_read_is_recognised_all_the_same() -> None:
    """No output of the first account can be parsed."""
    stage = stage_of(*days_of(5, 3))
    stage.spoil = _garble
    await _killed_before_its_first_row(stage)
    stage.spoil = None
    stage.simulated = _another_account()
    with pytest.raises(AnotherAccount, match="another run has started"):
        await stage.run()


async def test_an_emptied_account_is_not_refused_for_outputs_of_the_last_minutes() -> None:
    """They cannot be marked as deleted yet, because the listing of that dialect settles only after five minutes."""
    world = World.empty(NOON)
    for minutes in (24 * 60, 12 * 60, 1):
        at = NOON - timedelta(minutes=minutes)
        world.add(at, at + timedelta(seconds=5))
    stage = Stage(world)
    assert (await stage.run()).new == 3
    stage.dialect = OPAQUE
    for output in world.visible(NOON):
        world.delete(output.id, stage.clock.now())
    with pytest.raises(AnotherAccount):
        await stage.run()
    await stage.run(allow_account_mismatch=True, allow_deletions=3)
    assert (await stage.run()).outcome in ("proven", "proven, in part")
    stage.clock.advance(DAY)
    assert (await stage.run(allow_deletions=1)).outcome == "proven"


async def test_an_archive_of_deleted_outputs_refuses_another_account() -> None:
    """No live row is left to compare. But the other account lists outputs in a period that is covered and holds none."""
    stage = stage_of(*days_of(5, 3))
    await stage.run()
    for output in stage.simulated.visible(NOON):
        stage.simulated.delete(output.id, stage.clock.now())
    stage.clock.advance(HOUR)
    await stage.run(allow_deletions=15)
    assert (await stage.status()).live == 0
    right, stage.simulated = stage.simulated, _another_account()
    objects = dict(stage.store.objects)
    with pytest.raises(AnotherAccount):
        await stage.run()
    with pytest.raises(AnotherAccount):
        await stage.rebuild()
    assert stage.store.objects == objects
    stage.simulated = right
    made = stage.clock.now()
    right.add(made, made + timedelta(seconds=5))
    stage.clock.advance(DAY)
    report = await stage.run()
    assert (report.new, report.outcome) == (1, "proven")


async def test_an_account_that_once_claimed_to_be_empty_is_not_refused() -> None:
    """The first run covered a period in which it saw nothing; that is no reason to take what is listed later for foreign."""
    stage = stage_of(*days_of(5, 3))
    full, stage.simulated = stage.simulated, World.empty(NOON)
    assert (await stage.run()).new == 0
    stage.simulated = full
    assert (await stage.run()).new == 15
