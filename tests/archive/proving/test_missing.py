"""How much the guard over deletions finds missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from stablecog_provider.archive.proving.guard import DeletionGuard
from stablecog_provider.archive.proving.rereading import Rereading
from stablecog_provider.model.coverage import Coverage, Window
from stablecog_provider.model.partition_summary import PartitionSummary
from support.stage import DAY, NOON

MIDNIGHT = NOON - timedelta(hours=12)


@dataclass
class Counts:
    """A source that lost all of what is archived, and has as much in the gap of coverage."""

    gap: Window
    asked: list[Window] = field(default_factory=list)

    async def of(self, window: Window) -> int:
        self.asked.append(window)
        return 400 if window.start <= self.gap.start and self.gap.end <= window.end else 0


async def test_parts_are_compared_alone_if_the_budget_is_used_up() -> None:
    early, late = (Window(MIDNIGHT + day * DAY, MIDNIGHT + (day + 1) * DAY) for day in (-5, -1))
    counts = Counts(Window(early.end, late.start))
    summaries = {part.start.date(): PartitionSummary(live=200) for part in (early, late)}
    committer = SimpleNamespace(
        coverage=Coverage((early, late)), checkpoint=SimpleNamespace(partitions=summaries, live_days=[*summaries])
    )

    async def partition(_: object) -> Any:
        return SimpleNamespace(live_count=lambda _: 0)

    rereading = Rereading(
        source=None,  # type: ignore[arg-type]
        capabilities=SimpleNamespace(counts_by_date=True, axis="requested"),  # type: ignore[arg-type]
        counts=counts,  # type: ignore[arg-type]
        pipeline=None,  # type: ignore[arg-type]
        ledger=SimpleNamespace(created=set(), partition=partition),  # type: ignore[arg-type]
        committer=committer,  # type: ignore[arg-type]
        budget=SimpleNamespace(left=0),  # type: ignore[arg-type]
        guard=DeletionGuard(held=400),
    )
    gone = {f"o{number}": early.start.date() for number in range(90)}
    assert not await rereading._may_mark(gone)
    assert rereading.guard.missing == 400
    assert len(counts.asked) == 3
