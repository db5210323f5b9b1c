"""Compares the walk with plain paging: requests and lost rows over seeded histories, independent of any clock.

`python -m dev.bench.walk` prints the table of `docs/how-it-works.md`. It needs only the simulator's listing.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from stablecog_provider.model.coverage import Window
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED
from stablecog_provider.simulator.history import Pace, light_rows

from ..local.light_source import ASCENDING, FALLING_BY_REQUEST, LightSource, naive, read

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window(START - timedelta(hours=1), START + timedelta(days=3))
ROWS = 3000
SEEDS = range(1, 6)
EVERY = (20.0, 2.0, 0.5, 0.2, 0.1)
DIALECTS = {"current": (CURRENT, ASCENDING), "documented": (DOCUMENTED, FALLING_BY_REQUEST)}


async def measure(dialect_name: str, every: float, per_page: int) -> tuple[float, float, float, int]:
    """Return mean requests and mean lost rows of following `next`, then mean requests and all lost rows of the walk."""
    dialect, capabilities = DIALECTS[dialect_name]
    naive_requests = naive_lost = requests = lost = 0
    for seed in SEEDS:
        rows = light_rows(seed, ROWS, start=START, pace=Pace(every=every))
        source = LightSource(rows, WINDOW.end, dialect)
        naive_lost += len(rows) - len(await naive(source, per_page))
        naive_requests += source.requests
        source = LightSource(rows, WINDOW.end, dialect)
        lost += len({row.id for row in rows} - (await read(source, WINDOW, capabilities, per_page, most=300)).ids)
        requests += source.requests
    count = len(SEEDS)
    return naive_requests / count, naive_lost / count, requests / count, lost


async def main() -> None:
    table = Table(
        "dialect", "one generation per", "page size", "`next`: requests", "`next`: lost", "walk: requests", "walk: lost"
    )
    for name in DIALECTS:
        for every in EVERY:
            for per_page in (50, 300):
                naive_requests, naive_lost, requests, lost = await measure(name, every, per_page)
                share = f"{naive_lost:.0f} ({naive_lost / ROWS:.1%})"
                table.add_row(
                    name, f"{every:g} s", str(per_page), f"{naive_requests:.0f}", share, f"{requests:.0f}", str(lost)
                )
    Console(width=120).print(table)


if __name__ == "__main__":
    asyncio.run(main())
