"""Whether the source is still the account that was archived.

The checkpoint knows the API's address; another account's key at the same address would mix two accounts in one archive. The
key itself is not stored, nor anything made of it: keys are renewed, and an account may have several. What cannot be renewed is
what the account made: a source that lists any output that the manifest holds is the same account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date

from ...errors import AnotherAccount
from ...model.coverage import Window
from ...model.manifest import Row, is_live
from ...model.object_keys import Rendition, day_of
from ...model.output import Output, UnreadableOutput, instant_on
from ...model.page import MAX_PER_PAGE, Order, PageQuery
from ...model.times import MICROSECOND
from ..ports import Partition, Source
from .capabilities import Capabilities, Probe
from .walk import walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What is known to be archived: the days that hold live outputs, rising, and how to read one."""

    archive: str
    days: Collection[date]
    partition: Callable[[date], Awaitable[Partition]]

    async def holds_any(self, outputs: Iterable[Output | UnreadableOutput]) -> bool:
        by_day: defaultdict[date, list[str]] = defaultdict(list)
        for output in outputs:
            if isinstance(output, Output) and day_of(output.created_at) in self.days:
                by_day[day_of(output.created_at)].append(output.id)
        for day, ids in by_day.items():
            partition = await self.partition(day)
            if any(partition.get((output_id, Rendition.ORIGINAL)) for output_id in ids):
                return True
        return False


async def check_account(source: Source, asked: Probe, archived: Archived) -> None:
    """Raises AnotherAccount where the source lists outputs and none of them is archived. Costs nothing where the newest
    outputs are known, as in a run with nothing new; else mostly one request, at most six (newest, middle and oldest day).
    """
    if not archived.days or await archived.holds_any(asked.seen):
        return
    days = sorted(archived.days)
    for day in dict.fromkeys((days[-1], days[len(days) // 2], days[0])):
        live = [row for row in (await archived.partition(day)).rows() if is_live(row)]
        if not live:
            continue
        async for outputs in _listed_around(source, live, asked.capabilities):
            if await archived.holds_any(outputs):
                return
    raise AnotherAccount(
        f"the source at {source.address} lists nothing that {archived.archive} holds: the key is another account's, or "
        "everything that was looked for has been deleted there"
    )


async def _listed_around(
    source: Source, rows: list[Row], capabilities: Capabilities
) -> AsyncIterator[tuple[Output | UnreadableOutput, ...]]:
    """What the source lists below the newest of the rows, and above the oldest: some of them if they are still there."""
    if capabilities.cursor is not None:
        instants = [instant_on(capabilities.cursor, row) or row.created_at for row in rows]
        cursor = max(instants) + MICROSECOND
        yield (await source.page(PageQuery(cursor=cursor, per_page=MAX_PER_PAGE))).outputs
        if capabilities.ascending:
            # Of a dense account that is archived in part, the newest may have taken so long that the page below it holds
            # only what was requested after it; what was requested first was archived first.
            rising = PageQuery(cursor=min(instants) - MICROSECOND, order=Order.ASCENDING, per_page=MAX_PER_PAGE)
            yield (await source.page(rising)).outputs
        return
    # An opaque cursor leads there only from the top.
    row = max(rows, key=lambda row: row.created_at)
    async for step in walk(source, Window(row.created_at, row.created_at + MICROSECOND), capabilities):
        yield step.outputs
