"""What the guard over tombstones says is a number of outputs, each counted once."""

from __future__ import annotations

from stablecog_provider.archive.proving.guard import DeletionGuard


def test_a_place_that_is_looked_at_twice_is_counted_once() -> None:
    guard = DeletionGuard(held=150, missing=150)
    outputs = {f"o{number}" for number in range(150)}
    assert not guard.admits(outputs)
    assert not guard.admits(outputs)
    claim = guard.claim()
    assert claim is not None
    assert "no longer lists 150 of the 150 outputs" in claim
    assert "--allow-deletions 150" in claim
