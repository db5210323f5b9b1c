"""An account of which no output can be read (a renamed field) is still the account that was archived."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stablecog_provider.errors import AnotherAccount
from stablecog_provider.model.object_keys import day_of
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of, told_options


async def test_the_hint_of_a_refusal_leads_on_if_nothing_is_readable() -> None:
    stage = stage_of(*days_of(20, 5))

    def garble(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            output["image_url"] = None

    stage.spoil = garble
    await stage.run()
    stage.clock.advance(DAY)
    # What the refusal of an ordinary run says here: "pass --allow-account-mismatch once".
    await stage.run(allow_account_mismatch=True)
    # Fails: refused again, and again after every such run: "lists nothing that the archive holds".
    await stage.ordinary_runs(2)


async def test_the_refusal_names_the_partitions_that_nobody_can_read_and_their_repair_leads_on() -> None:
    """Most outputs are deleted, and most of the others are on a day whose partition cannot be read."""
    stage = stage_of(*days_of(40, 4))
    await stage.run()
    outputs = stage.simulated.visible(NOON)
    newest = max(day_of(output.created_at) for output in outputs)
    for output in [each for each in outputs if day_of(each.created_at) != newest][8:]:
        stage.simulated.delete(output.id, NOON + HOUR)
    key = LAYOUT.partition(newest)
    stage.store.objects[key] = replace(stage.store.objects[key], body=b"PAR1", version="damaged")
    stage.clock.advance(DAY)
    with pytest.raises(AnotherAccount, match="1 partition cannot be read") as refused:
        await stage.run()
    assert "rebuild" in (refused.value.hint or "")
    options = told_options(refused.value)
    assert options == {"set_aside_damaged": True}
    with pytest.raises(AnotherAccount) as refused:
        await stage.rebuild(**options)
    await stage.rebuild(**options, **told_options(refused.value))
    report = await stage.run()
    await stage.run(**told_options(report.explain()))
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


async def test_an_empty_account_is_not_taken_for_one_whose_partitions_nobody_can_read() -> None:
    stage = stage_of(*days_of(10, 2))
    await stage.run()
    for key in [key for key in stage.store.objects if key.startswith(LAYOUT.manifest)]:
        stage.store.objects[key] = replace(stage.store.objects[key], body=b"PAR1", version="damaged")
    before = dict(stage.store.objects)
    stage.simulated = SimulatedWorld.empty(NOON)
    with pytest.raises(AnotherAccount, match="2 partitions cannot be read"):
        await stage.run()
    assert stage.store.objects == before
