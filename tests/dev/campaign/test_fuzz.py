"""Fuzzed documents: a slice of the campaign, and that it is the same for the same seed."""

from __future__ import annotations

import importlib.util
import json
from itertools import islice
from random import Random

import pytest

from dev.campaign.fuzz import section as fuzz
from dev.campaign.fuzz.documents import bodies


async def test_documents_end_in_rows_or_are_refused() -> None:
    tally = await fuzz.try_bodies(Random(1), fuzz.SECTION.slice)
    assert tally.faults == []
    assert tally.tried == fuzz.SECTION.slice
    # Of a fuzzer that only ever makes rubbish, nothing would be learnt.
    rows = int(tally.notes[0].split(" rows")[0].replace(",", ""))
    assert rows > tally.tried / 2


def test_the_same_seed_makes_the_same_documents() -> None:
    one, other = (list(bodies(Random(7), 80)) for _ in range(2))
    assert one == other
    assert list(bodies(Random(8), 80)) != one


def test_half_of_them_are_json() -> None:
    def is_json(body: bytes) -> bool:
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            return False
        return True

    found = [is_json(body) for body in islice(bodies(Random(2), 200), 200)]
    assert 100 < sum(found) < 200


async def test_another_exception_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: bytes, whole: bool) -> int:
        raise KeyError("id")

    monkeypatch.setattr(fuzz, "_try", broken)
    tally = await fuzz.try_bodies(Random(1), 4)
    assert (tally.tried, tally.corrupt) == (4, 4)
    assert not tally.clean


def test_without_atheris_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    tally = fuzz.try_atheris(Random(1), 100)
    assert (tally.tried, tally.clean) == (0, True)
    assert "not installed" in tally.notes[0]
