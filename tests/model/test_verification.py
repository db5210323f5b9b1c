"""What the checkpoint keeps of verifications is bounded, and never younger than the truth."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.partition_summary import ImageCounts, PartitionSummary
from stablecog_provider.model.verification import MAX_STAMPS, VerificationCoverage, Verified, condensed
from support.rows import minute

NOW = minute(0)
stamps = st.lists(
    st.builds(Verified, st.integers(0, 40).map(minute), st.integers(1, 3), st.integers(0, 9)), max_size=30
)


def ago(days: float, images: int = 1, size: int = 10) -> Verified:
    return Verified(NOW - timedelta(days=days), images, size)


@given(stamps)
def test_nothing_is_lost_and_nothing_becomes_younger(found: list[Verified]) -> None:
    kept = condensed(found)
    assert len(kept) <= MAX_STAMPS
    assert [each.at for each in kept] == sorted({each.at for each in kept})
    assert sum(each.images for each in kept) == sum(each.images for each in found)
    assert sum(each.bytes for each in kept) == sum(each.bytes for each in found)
    assert min((each.at for each in kept), default=None) == min((each.at for each in found), default=None)
    for at in map(minute, range(41)):
        younger = sum(each.images for each in found if each.at >= at)
        assert sum(each.images for each in kept if each.at >= at) <= younger


@given(stamps.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_does_not_matter(pair: tuple[list[Verified], list[Verified]]) -> None:
    assert condensed(pair[0]) == condensed(pair[1])


def test_shares_are_counted_by_age() -> None:
    found = VerificationCoverage.of(20, 200, [ago(0.5), ago(1), ago(6), ago(29, 2), ago(100, 3)], NOW)
    assert found.within_days == {"1": 2, "7": 3, "30": 5, "90": 5}
    assert (found.never, found.verified_bytes, found.oldest) == (12, 50, NOW - timedelta(days=100))


def test_an_archive_that_was_never_verified() -> None:
    found = VerificationCoverage.of(5, 50, [], NOW)
    assert (found.never, found.oldest, set(found.within_days.values())) == (5, None, {0})


def test_the_checkpoint_keeps_it() -> None:
    summary = PartitionSummary(version="v", images=ImageCounts(archived=4), bytes=40, verified=(ago(3, 2, 20), ago(2)))
    saved = Checkpoint(source="s", axis=Axis.COMPLETED, partitions={date(2026, 11, 20): summary})
    again = Checkpoint.from_json(saved.to_json())
    assert again == saved
    assert again.verification(NOW).never == 1
    assert again.verification(NOW).within_days["7"] == 3
