"""Control requests: whether a host that answers 404 for one image serves any other.

A host that answers 404 for everything may have an outage, so a 404 counts only beside an image that the host does serve. If a
run fetches no other image of the host, archived ones are requested in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date
from itertools import islice

from ...model.manifest import Row, State
from ...model.object_keys import day_of
from ...model.row_lifecycle import is_replaced
from ..copying.outage import host_of
from ..copying.transfer import Transfer
from .ledger import Fetch, Ledger

CONTROLS = 3
"""Most images of a host that a run requests as controls."""
DAYS = 8
"""Most partitions that are read to find them: as many as the ledger keeps in memory."""


class Controls:
    """One run's. `days`: returns the days that hold archived images, in any order."""

    def __init__(self, ledger: Ledger, transfer: Transfer, days: Callable[[], Iterable[date]]) -> None:
        self._ledger, self._transfer, self._days = ledger, transfer, days
        self._requested: Counter[str] = Counter()
        self._exhausted: set[str] = set()

    async def serve(self, entry: Fetch) -> bool:
        """Whether the entry's host served another image in this run. If none was requested yet, request some."""
        host = host_of(entry.job.url)
        if self._transfer.hosts.served(host) or host in self._exhausted:
            return self._transfer.hosts.served(host)
        async for url in self._candidates(host, day_of(entry.row.created_at)):
            self._requested[host] += 1
            if await self._transfer.serves(url):
                return True
            if self._requested[host] >= CONTROLS:
                break
        self._exhausted.add(host)
        return False

    async def _candidates(self, host: str, day: date) -> AsyncIterator[str]:
        """Yield the addresses of the host's archived images that are most likely to be served still.

        Only outputs that the source lists: a deleted one's image may be gone with it. One per day first, because images of
        one day may have been lost together. If the host needs the query of an address, only the listing names it.
        """
        for url in [*self._ledger.addresses[host]]:
            yield url
        newest = sorted((each for each in self._days() if each != day), reverse=True)
        days = [day, *newest][:DAYS]
        for rank in range(CONTROLS):
            # Those of a day that cannot be read are no controls.
            for each in days:
                if not await self._ledger.readable([each]):
                    continue
                rows = (row for row in (await self._ledger.partition(each)).rows() if _is_control(row, host))
                if (row := next(islice(rows, rank, None), None)) is not None:
                    yield row.archived_url or ""


def _is_control(row: Row, host: str) -> bool:
    stored = row.state == State.ARCHIVED and row.deleted_at is None and not is_replaced(row)
    return stored and host_of(row.archived_url or "") == host
