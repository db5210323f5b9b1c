"""The verdict claims no more than coverage, counts and images say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.counts import Difference, Proof
from stablecog_provider.model.coverage import MAX_LATENCY, Axis, Coverage, Window
from stablecog_provider.model.partition_summary import ImageCounts, PartitionSummary
from stablecog_provider.model.times import BEGINNING, MICROSECOND
from stablecog_provider.model.verdict import Outcome, is_whole, outcome_of, worst

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROOF = Proof(BEGINNING, NOON - MAX_LATENCY, 5, 5, NOON)
PLACE = Difference(NOON - HOUR, NOON, 5, 4, NOON, NOON)
DAY = date(2026, 11, 20)
WHOLE = Checkpoint(
    source="s",
    axis=Axis.COMPLETED,
    coverage=Coverage((Window(BEGINNING, NOON),)),
    partitions={DAY: PartitionSummary(version="v", live=5, images=ImageCounts(archived=5))},
    proof=PROOF,
)
LATE, TORN = Window(BEGINNING + HOUR, NOON), (Window(BEGINNING, NOON - 2 * HOUR), Window(NOON - HOUR, NOON))


def with_images(**counts: int) -> dict[str, Any]:
    return {"partitions": {DAY: PartitionSummary(version="v", live=5, images=ImageCounts(**counts))}}


CASES: dict[str, tuple[dict[str, Any], Outcome]] = {
    "all of it": ({}, Outcome.PROVEN),
    "nothing was compared": ({"proof": None}, Outcome.NOT_PROVEN),
    "the counts differ": ({"proof": replace(PROOF, source=6)}, Outcome.NOT_PROVEN),
    "a place differs though the sums agree": ({"differences": (PLACE,)}, Outcome.NOT_PROVEN),
    "nothing is covered": ({"coverage": Coverage()}, Outcome.IN_PART),
    "the beginning is not covered": ({"coverage": Coverage((LATE,))}, Outcome.IN_PART),
    "coverage has a gap": ({"coverage": Coverage(TORN)}, Outcome.IN_PART),
    "the listing has a hole": ({"holes": (PLACE,)}, Outcome.IN_PART),
    "a day is to be read again": ({"reread": Coverage((Window(NOON - HOUR, NOON),))}, Outcome.IN_PART),
    "the proof begins late": ({"proof": replace(PROOF, start=BEGINNING + MICROSECOND)}, Outcome.IN_PART),
    "the proof ends early": ({"proof": replace(PROOF, end=PROOF.end - MICROSECOND)}, Outcome.IN_PART),
    "an image failed": (with_images(archived=4, failed=1), Outcome.WITH_FAILED),
    "an image is gone since today": (with_images(archived=4, gone=1), Outcome.WITH_FAILED),
    "an image is gone for days": (with_images(archived=4, gone=1, settled=1), Outcome.PROVEN),
    "an image is lost": (with_images(archived=4, lost=1), Outcome.WITH_FAILED),
    "a replacement is not stored": (with_images(archived=5, replaced=1), Outcome.WITH_FAILED),
    "in part, and an image failed": (
        {"coverage": Coverage((LATE,)), **with_images(archived=4, failed=1)},
        Outcome.IN_PART,
    ),
}


@pytest.mark.parametrize(("changes", "outcome"), CASES.values(), ids=CASES)
def test_the_verdict_on_a_checkpoint(changes: dict[str, Any], outcome: Outcome) -> None:
    assert outcome_of(replace(WHOLE, **changes)) is outcome


@given(st.lists(st.sampled_from(sorted(CASES)), min_size=1, max_size=4))
def test_what_is_wrong_together_is_as_bad_as_the_worst_of_it(names: list[str]) -> None:
    together: dict[str, Any] = {}
    used = []
    for changes, outcome in (CASES[name] for name in names):
        if not together.keys() & changes:
            together |= changes
            used.append(outcome)
    assert outcome_of(replace(WHOLE, **together)) is worst(*used)


@pytest.mark.parametrize(("changes", "outcome"), CASES.values(), ids=CASES)
def test_whole_says_nothing_of_images(changes: dict[str, Any], outcome: Outcome) -> None:
    if outcome is not Outcome.NOT_PROVEN:
        assert is_whole(replace(WHOLE, **changes)) == (outcome is not Outcome.IN_PART)


def test_nothing_is_whole_without_a_proof() -> None:
    assert is_whole(WHOLE)
    assert not is_whole(replace(WHOLE, proof=None))


def test_only_proven_has_exit_code_0() -> None:
    assert {outcome: outcome.exit_code for outcome in Outcome} == {
        Outcome.NOT_PROVEN: 3,
        Outcome.IN_PART: 3,
        Outcome.WITH_FAILED: 3,
        Outcome.OUT_OF_DATE: 3,
        Outcome.PROVEN: 0,
    }


@given(st.lists(st.sampled_from(Outcome), min_size=1))
def test_the_worst_of_several_counts(outcomes: list[Outcome]) -> None:
    found = worst(*outcomes)
    assert found in outcomes
    order = list(Outcome)
    assert all(order.index(found) <= order.index(each) for each in outcomes)
    assert [worst(*pair) for pair in pairwise(Outcome)] == order[:-1]
