"""Counts the requests that keep an account's metadata fresh: a million outputs in three years, each read within 30 days.

`python -m dev.bench.refresh_requests [OUTPUTS]` prints the numbers of `docs/monitoring.md`. It reads the slices of 60 daily runs
from a computed listing, so it counts requests and measures no time. No manifest is read, and nothing differs.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import mean

from rich.console import Console

from stablecog_provider.archive.listing.capabilities import probe
from stablecog_provider.archive.listing.opaque_walk import PAGE_SIZE
from stablecog_provider.archive.listing.pace import SlicesRead, Within
from stablecog_provider.archive.listing.sweep import read_next_slice, read_slice, sweep_from
from stablecog_provider.archive.proving.sweep import advanced
from stablecog_provider.model.checkpoint import Checkpoint, Sweep
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.output import Output
from stablecog_provider.model.page import Order, Page, PageQuery
from stablecog_provider.model.partition_summary import PartitionSummary
from stablecog_provider.model.refreshed import Refreshed
from stablecog_provider.model.times import BEGINNING, MICROSECOND, format_instant

from .growth_source import LATENCY, Account, requested

WITHIN = timedelta(days=30)
DAY = timedelta(days=1)
DAYS = 60


class ComputedSource:
    """Port `Source` on a computed account: pages and counts as in `growth_source`, without documents, which cost minutes."""

    def __init__(self, account: Account) -> None:
        self.address, self.requests, self._account = "https://computed.test", 0, account

    async def page(self, query: PageQuery) -> Page:
        self.requests += 1
        account, size = self._account, query.per_page or PAGE_SIZE
        low, high = 0, account.outputs
        if isinstance(query.cursor, datetime) and query.order is Order.ASCENDING:
            low = account.first(query.cursor - LATENCY + MICROSECOND)
        elif isinstance(query.cursor, datetime):
            high = account.first(query.cursor - LATENCY)
        is_rising = query.order is Order.ASCENDING
        numbers = range(low, min(low + size, high)) if is_rising else range(high - 1, max(high - size, low) - 1, -1)
        more = len(numbers) < high - low
        return Page(
            outputs=tuple(map(output, numbers)),
            source_time=account.now,
            next=format_instant(requested(numbers[-1]) + LATENCY) if more else None,
            total=0 if query.start else account.outputs,
        )


def output(number: int) -> Output:
    at = requested(number)
    return Output(
        id=str(number), image_url="", generation_id="g", created_at=at, output_created_at=at + LATENCY, raw=""
    )


def archived(account: Account) -> Checkpoint:
    """What is known right after all of it was archived."""
    days = Counter(requested(number).date() for number in range(account.outputs))
    end = account.now
    return Checkpoint(
        "https://computed.test",
        Axis.COMPLETED,
        coverage=Coverage((Window(BEGINNING, end),)),
        partitions={day: PartitionSummary(live=live) for day, live in days.items()},
        sweep=Sweep(refreshed=(Refreshed(BEGINNING, end, end),)),
    )


async def run(source: ComputedSource, known: Checkpoint, now: datetime) -> Checkpoint:
    """One run's second reading, without the manifest."""
    asked = await probe(source, sweep_from(known))
    pace, wanted, done, read = Within(WITHIN, known, now), known.coverage, Coverage(), SlicesRead()
    slice_ = await read_slice(source, asked, known)
    while slice_ is not None:
        known = advanced(known, slice_, now)
        done, read = (
            done.merge(Coverage((slice_.window,))),
            SlicesRead(read.slices + 1, read.outputs + len(slice_.outputs)),
        )
        if not wanted.subtract(done) or not pace.wants_more(read, known):
            break
        slice_ = await read_next_slice(source, asked, known)
    return replace(known, sweep=replace(known.sweep, paced=now))


async def main(outputs: int) -> None:
    account = Account(outputs)
    known, began = archived(account), account.now
    requests, ages = list[int](), list[timedelta]()
    for day in range(1, DAYS + 1):
        source, now = ComputedSource(account), began + day * DAY
        known = await run(source, known, now)
        requests.append(source.requests)
        ages.append(now - min(each.at for each in known.sweep.refreshed))
    Console().print(
        f"{outputs:,} outputs, each read within {WITHIN.days} days: {mean(requests):.0f} requests per daily run on average, "
        f"{max(requests)} at most; the oldest metadata was {max(ages).days} days old; "
        f"checkpoint: {len(known.to_json()):,} bytes, {len(known.sweep.refreshed)} stretches"
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
