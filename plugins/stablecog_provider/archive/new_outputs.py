"""The use case `new_outputs`: whether the source has settled outputs that the archive lacks, at the price of one request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..model.coverage import Axis, Coverage
from ..model.documents import document_of
from ..model.object_keys import Layout
from ..model.output import instant_on
from ..model.page import MAX_PER_PAGE, Order, Page, PageQuery
from ..model.times import MICROSECOND
from .committing.checkpoint_file import CheckpointFile
from .listing.settled import settled_before
from .ports import Clock, ObjectStore, Source

_NEWEST = PageQuery(per_page=MAX_PER_PAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOutputs:
    """What one look found. `watermark`: the archive's; None if there is no archive. `seen`: settled outputs on one page that the
    archive lacks; there may be more. `oldest`: the earliest instant of those, on the archive's axis.
    """

    archive: str
    watermark: datetime | None = None
    seen: int = 0
    oldest: datetime | None = None

    def __bool__(self) -> bool:
        return self.seen > 0

    def to_document(self) -> dict[str, Any]:
        """Return it for XCom and for the event of an asset."""
        return {
            "archive": self.archive,
            "watermark": document_of(self.watermark),
            "seen": self.seen,
            "oldest": document_of(self.oldest),
        }


async def new_outputs(source: Source, store: ObjectStore, clock: Clock, layout: Layout) -> NewOutputs:
    """Look once. Raises ArchiveError. What is settled follows the axis of the archive, as in a run.

    Makes one request to the source, or two if the first shows nothing but outputs that are archived: coverage has a gap then, or
    the source no longer lists in ascending order.
    """
    checkpoint = await CheckpointFile(store, layout).load()
    coverage, axis = (checkpoint.coverage, checkpoint.axis) if checkpoint else (Coverage(), Axis.REQUESTED)
    watermark = coverage.watermark
    queries = [_NEWEST]
    if watermark and axis is Axis.COMPLETED:
        following = PageQuery(cursor=watermark - MICROSECOND, order=Order.ASCENDING, per_page=50)
        queries.insert(0, following)
    found: list[datetime] = []
    for query in queries:
        page = await source.page(query)
        lacking = [instant for instant in _instants(page, axis) if _is_lacking(instant, coverage)]
        found = [instant for instant in lacking if instant < settled_before(page, axis, clock.now())]
        if lacking or not page.outputs:
            break
    return NewOutputs(archive=str(layout), watermark=watermark, seen=len(found), oldest=min(found, default=None))


def _instants(page: Page, axis: Axis) -> list[datetime]:
    instants = (instant_on(axis, output) for output in page.outputs)
    return [instant for instant in instants if instant is not None]


def _is_lacking(instant: datetime, coverage: Coverage) -> bool:
    """Whether it is neither covered nor before all coverage: an archive may begin later than the account."""
    return instant not in coverage and instant >= (coverage.watermark or instant)
