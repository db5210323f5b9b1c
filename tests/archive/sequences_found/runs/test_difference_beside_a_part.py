"""A run of everything that ends after a run of a part that began later."""

from __future__ import annotations

from typing import Any

import pytest

from stablecog_provider.archive.phases import Phases
from support.stage import DAY, NOON, days_of, stage_of


async def test_a_later_proof_of_a_part_overrules_no_difference_outside_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An output of the last day is counted and not listed: the run of everything sees it, the other one does not look there."""
    stage = stage_of(*days_of(5, 3))
    hidden = stage.simulated.visible(NOON)[-1].id

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != hidden]

    stage.spoil, prove = hide, Phases.prove

    async def then_a_part(self: Any, *arguments: Any) -> Any:
        found = await prove(self, *arguments)
        monkeypatch.undo()
        stage.clock.advance(DAY / 1440)
        await stage.run(end=NOON - DAY * 2)
        stage.clock.advance(DAY / 1440)
        return found

    monkeypatch.setattr(Phases, "prove", then_a_part)
    assert (await stage.run()).outcome == "not proven"
    told = await stage.status()
    assert (told.outcome, len(told.differences)) == ("not proven", 1)
