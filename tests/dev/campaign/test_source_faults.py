"""A slice of the faults of the source, and checks that the bench notices damage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest

from dev.campaign.rig.bench import Bench, bench
from dev.campaign.rig.message_patterns import patterns
from dev.campaign.rig.tally import Tally
from dev.campaign.source_faults import section as source_faults
from dev.campaign.source_faults.image_cases import IMAGE_CASES, ImageCase
from dev.campaign.source_faults.listing_cases import DAY_CASES
from dev.campaign.source_faults.section import CASES, SECTION, SEEN
from stablecog_provider.adapters.memory import MemoryObject, MemoryObjectStore
from stablecog_provider.errors import ImageRejected
from stablecog_provider.model.manifest import State
from stablecog_provider.simulator.faults import Fault, Manner


@pytest.fixture
def tally() -> Tally:
    return Tally("a test", "cases")


@pytest.fixture
async def stage(tally: Tally) -> AsyncIterator[Bench]:
    async with bench(Random(1), tally, "a test", MemoryObjectStore()) as set_up:
        yield set_up


def objects(stage: Bench) -> dict[str, MemoryObject]:
    assert isinstance(stage.store, MemoryObjectStore)
    return stage.store.objects


async def test_a_slice_of_the_campaign_is_clean() -> None:
    tallies = await SECTION.run(Random("a slice"), SECTION.slice)
    assert [fault for tally in tallies for fault in tally.faults] == []
    assert all(tally.clean for tally in tallies)
    assert sum(tally.tried for tally in tallies) == SECTION.slice


async def test_every_message_of_the_slice_has_a_hint() -> None:
    await SECTION.run(Random("words"), 4)
    assert [message for message in SEEN if " -> " not in message] == []


@pytest.mark.parametrize("name", DAY_CASES)
async def test_a_bad_day_ends_proven(name: str, stage: Bench, tally: Tally) -> None:
    await DAY_CASES[name](stage, Random(7))
    assert tally.faults == []
    assert tally.clean


@pytest.mark.parametrize(
    "kind", ["500", "502", "503", "429, Retry-After a date", "hangs", "reset", "cut without a length", "HTML", "403"]
)
def test_every_kind_is_tried_for_days(kind: str) -> None:
    assert [case.name for case in IMAGE_CASES if kind in case.name and case.lasting]


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


async def test_a_lost_row_is_noticed(stage: Bench, tally: Tally) -> None:
    await stage.proven()
    assert tally.clean
    partition = next(key for key in objects(stage) if "manifest" in key)
    del objects(stage)[partition]
    await stage.inspect()
    assert tally.lost > 0


async def test_a_missing_image_is_noticed(stage: Bench, tally: Tally) -> None:
    await stage.proven()
    del objects(stage)[next(key for key in objects(stage) if "images" in key)]
    await stage.inspect()
    assert (tally.lost, tally.corrupt) == (0, 1)


async def test_an_image_that_should_have_failed_is_noticed(stage: Bench, tally: Tally) -> None:
    """The case expects `failed`, but the fault is harmless, so everything is archived."""
    case = ImageCase("nothing at all", Fault(Manner.MISTYPED), ends=State.FAILED)
    await case.trial(stage, Random(3))
    assert not tally.clean


async def test_an_unexpected_exception_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(stage: Bench, random: Random) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(source_faults, "CASES", (source_faults.Case("a bug", breaks, "days"),))
    (tally,) = await source_faults.run(Random(1), 1)
    assert len(tally.faults) == 1
    assert "KeyError: 'a bug'" in tally.faults[0]


async def test_an_error_without_a_hint_is_a_fault(stage: Bench, tally: Tally) -> None:
    stage._record(ImageRejected("no"))
    assert tally.clean
    stage._record(ImageRejected("no", hint=""))
    assert not tally.clean


def test_patterns_ignore_hosts_ids_and_numbers() -> None:
    one = "http://127.0.0.1:4000/images/0b453a10-597f-49d7-b00c-00c36a0c868f.png: received 10 of 20 bytes"
    other = "http://127.0.0.1:5999/images/93875005-abed-45ea-ba2d-61384382872a.jpeg: received 1 of 300 bytes"
    assert patterns([one]) == patterns([other])
