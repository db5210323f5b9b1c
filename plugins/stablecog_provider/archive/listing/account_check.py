"""Checks that the source is still the account that was archived.

The checkpoint has the API's address only, and the key of another account at that address would mix two accounts in one
archive. Neither the key nor a hash of it is stored: keys are renewed, and an account may have several. Its outputs do not
change: a source that lists any output of the manifest is the same account.
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
    """The archived days that have live outputs, in ascending order, and how to read the partition of one."""

    archive: str
    days: Collection[date]
    partition: Callable[[date], Awaitable[Partition]]

    async def holds_any(self, outputs: Iterable[Output | UnreadableOutput]) -> bool:
        """Whether the manifest has any of the outputs."""
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
    """Raises AnotherAccount if the source lists outputs and none of those looked for is archived.

    No request if the newest outputs are known, as in a run with nothing new. Otherwise one in most cases, and six at most
    (the newest, the middle and the oldest day).
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
        f"the source at {source.address} lists nothing that {archived.archive} holds: the key is another account's, or all "
        "outputs that were looked for have been deleted there"
    )


async def _listed_around(
    source: Source, rows: list[Row], capabilities: Capabilities
) -> AsyncIterator[tuple[Output | UnreadableOutput, ...]]:
    """Yield what the source lists below the newest of the rows and above the oldest. It includes rows that still exist."""
    if capabilities.cursor is not None:
        instants = [instant_on(capabilities.cursor, row) or row.created_at for row in rows]
        cursor = max(instants) + MICROSECOND
        yield (await source.page(PageQuery(cursor=cursor, per_page=MAX_PER_PAGE))).outputs
        if capabilities.ascending:
            # In a dense account that is archived in part, the newest output may have completed so late that the page below
            # it has later requests only. The earliest requests were archived first.
            ascending = PageQuery(cursor=min(instants) - MICROSECOND, order=Order.ASCENDING, per_page=MAX_PER_PAGE)
            yield (await source.page(ascending)).outputs
        return
    # With an opaque cursor, only a walk from the top gets there.
    row = max(rows, key=lambda row: row.created_at)
    async for step in walk(source, Window(row.created_at, row.created_at + MICROSECOND), capabilities):
        yield step.outputs
