"""A slice of the campaign against damaged archives, and that it would see what went wrong."""

from __future__ import annotations

from random import Random

import pytest

from dev.campaign.damage.section import CASES, LAYOUT, SECTION, Archived, damaged


async def test_damage_is_noticed_and_mended() -> None:
    (tally,) = await SECTION.run(Random(1), SECTION.slice)
    assert tally.faults == []
    assert tally.clean
    assert tally.tried == SECTION.slice


@pytest.mark.parametrize("name", CASES)
async def test_each_kind_of_damage_changes_something(name: str) -> None:
    below, change = CASES[name]
    archived = Archived("current")
    await archived.archive()
    key = next(key for key in archived.whole if key.startswith(below))
    assert change(archived.whole[key].body, Random(1)) != archived.whole[key].body


async def test_a_rebuild_that_mends_nothing_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    archived = Archived("current")
    await archived.archive()

    async def nothing() -> None:
        return None

    monkeypatch.setattr(archived, "rebuild", nothing)
    with pytest.raises(Exception, match=r"no checkpoint\.json"):
        await damaged(archived, ["checkpoint deleted"], Random(1))
    assert LAYOUT.checkpoint not in archived.store.objects
