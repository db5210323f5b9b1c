"""A slice of the kills, and checks that the campaign notices damage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from random import Random

import pytest

from dev.campaign.kills.child import Step, When
from dev.campaign.kills.inspection import Seen, Verdict, judge_claims, judge_end
from dev.campaign.kills.refreshes import kill_refreshes
from dev.campaign.kills.section import SECTION, STEPS, Kills, every_step
from dev.campaign.kills.stage import Stage, Story
from dev.campaign.rig.tally import Tally


def test_a_slice_of_the_kills(running_stage: Stage, truths: dict[Story, Seen]) -> None:
    kills = Kills(running_stage, truths)
    kills.run(Random("tests"), SECTION.slice)
    assert kills.tally.tried >= SECTION.slice
    assert kills.tally.clean, kills.tally.faults


def test_a_slice_of_the_kills_of_refresh(running_stage: Stage) -> None:
    tally = kill_refreshes(running_stage, Random("tests"), 2)
    assert tally.tried >= 2
    assert tally.clean, tally.faults


def test_every_step_is_drawn_once() -> None:
    deck = sum(len(several) * len(whens) for _, _, several, whens in STEPS)
    drawn = list(islice(every_step(Random(1)), deck))
    assert len({str(step) for step in drawn}) == deck
    assert str(Step("put", "checkpoint", 2, When.DURING)) in map(str, drawn)


def without_a_row(seen: Seen) -> Seen:
    return replace(seen, rows=seen.rows[1:])


def with_a_row_twice(seen: Seen) -> Seen:
    return replace(seen, rows=[*seen.rows, seen.rows[0]])


def without_an_object(seen: Seen) -> Seen:
    gone = min(seen.images)
    return replace(seen, sizes={key: size for key, size in seen.sizes.items() if key != gone})


def with_an_object_without_a_row(seen: Seen) -> Seen:
    stray = min(seen.images).replace(".original", "0.original")
    return replace(seen, sizes={**seen.sizes, stray: 7})


def with_other_bytes_in_a_row(seen: Seen) -> Seen:
    return replace(seen, rows=[replace(seen.rows[0], sha256="0" * 64), *seen.rows[1:]])


def with_another_prompt(seen: Seen) -> Seen:
    return replace(seen, rows=[replace(seen.rows[0], prompt="of somebody else"), *seen.rows[1:]])


def with_a_wrong_count(seen: Seen) -> Seen:
    assert seen.checkpoint
    partitions = {day: replace(each, live=1) for day, each in seen.checkpoint.partitions.items()}
    return replace(seen, checkpoint=replace(seen.checkpoint, partitions=partitions))


@pytest.mark.parametrize(
    ("harm", "column"),
    [
        (without_a_row, "lost"),
        (without_an_object, "lost"),
        (with_a_row_twice, "doubled"),
        (with_an_object_without_a_row, "doubled"),
        (with_other_bytes_in_a_row, "corrupt"),
        (with_another_prompt, "corrupt"),
        (with_a_wrong_count, "corrupt"),
    ],
)
def test_each_kind_of_damage_is_noticed(
    harm: Callable[[Seen], Seen], column: str, running_stage: Stage, truths: dict[Story, Seen]
) -> None:
    truth, tally = truths[Story.FRESH], Tally("harm", "archives")
    assert asyncio.run(judge_end(truth, truth, running_stage.store)) == Verdict()
    asyncio.run(judge_end(harm(truth), truth, running_stage.store)).add(tally, "case")
    assert getattr(tally, column)
    assert not tally.clean


def test_a_covered_output_without_a_row_is_noticed_at_any_moment(truths: dict[Story, Seen]) -> None:
    truth = truths[Story.FRESH]
    assert judge_claims(truth, truth) == Verdict()
    assert len(judge_claims(replace(truth, rows=[]), truth).lost) == sum(
        row.rendition == "original" for row in truth.rows
    )
    assert judge_claims(replace(truth, rows=[], checkpoint=None), truth) == Verdict()
