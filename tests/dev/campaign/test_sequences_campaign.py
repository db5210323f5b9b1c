"""Random sequences: a slice of the campaign, and that the machine finds what is planted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from random import Random

import pytest

from dev.campaign.sequences import section as sequences
from dev.campaign.sequences.invariants import DeadEnd, FalseClaim, Lost, Violation
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.parquet_partition import ParquetPartition
from stablecog_provider.archive import opening
from stablecog_provider.model.counts import CountComparison, Proof
from stablecog_provider.model.manifest import Row

PLANTED = 12
"""Worlds that must be enough to find a planted mistake."""


async def test_no_sequence_ends_in_a_loss_or_a_false_claim() -> None:
    (tally,) = await sequences.run(Random(1), sequences.SECTION.slice)
    assert tally.faults == []
    assert tally.tried >= sequences.SECTION.slice


@pytest.mark.long
def test_the_same_seed_plays_the_same_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "STEPS", 10)
    one, other = (sequences.play(5, 2) for _ in range(2))
    assert one == other == (one[0], None)
    assert sequences.play(6, 2)[0] != one[0]


def found(monkeypatch: pytest.MonkeyPatch) -> Violation:
    """The violation that a slice finds, as it is found first."""
    monkeypatch.setattr(sequences, "PHASES", sequences.PHASES[:1])
    _, fault = sequences.play(1, PLANTED)
    assert isinstance(fault, Violation)
    return fault


def test_a_manifest_that_drops_a_row_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ParquetManifest.merge

    async def merge(
        self: ParquetManifest, day: date, rows: Iterable[Row], *, expected: bool = False, run_id: str = ""
    ) -> ParquetPartition:
        return await whole(self, day, list(rows)[1:], expected=expected, run_id=run_id)

    monkeypatch.setattr(ParquetManifest, "merge", merge)
    assert isinstance(found(monkeypatch), (Lost, FalseClaim, DeadEnd))


@pytest.mark.long
def test_a_guard_that_lets_everybody_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def welcome(*_: object) -> None:
        return None

    monkeypatch.setattr(opening, "check_account", welcome)
    assert isinstance(found(monkeypatch), FalseClaim)


@pytest.mark.long
def test_a_proof_that_always_agrees_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Proof, "agrees", True)
    monkeypatch.setattr(CountComparison, "agrees", True)
    # Where nothing ever differs, no hint leads on either.
    assert isinstance(found(monkeypatch), (FalseClaim, DeadEnd))
