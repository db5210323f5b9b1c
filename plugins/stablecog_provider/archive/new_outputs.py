"""The use case `new_outputs`: whether the source has settled outputs that the archive lacks, at the price of one request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import SourceContradiction, SourceUnavailable
from ..model.checkpoint import Checkpoint
from ..model.coverage import Axis, Coverage
from ..model.documents import document_of
from ..model.object_keys import Layout
from ..model.output import instant_on
from ..model.page import MAX_PER_PAGE, Order, Page, PageQuery
from ..model.times import MICROSECOND
from .committing.checkpoint_file import CheckpointFile
from .listing.settled import settled_before
from .ports import Clock, ObjectStore, Source

_NEWEST = tuple(PageQuery(per_page=outputs) for outputs in (MAX_PER_PAGE, 30, 1))
"""The first that the source serves: one output that its server cannot list must not hide what came after it."""


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

    Makes one request to the source. It makes another if the first shows nothing but outputs that are archived: coverage has a gap
    then, or the source no longer lists in ascending order. If a page fails or is refused, up to three others are tried
    before that is an error.
    """
    checkpoint = await CheckpointFile(store, layout).load()
    known, axis = (_known(checkpoint), checkpoint.axis) if checkpoint else (Coverage(), Axis.REQUESTED)
    queries = [*_NEWEST]
    if known.watermark and axis is Axis.COMPLETED:
        following = PageQuery(cursor=known.watermark - MICROSECOND, order=Order.ASCENDING, per_page=50)
        queries.insert(0, following)
    found: list[datetime] = []
    for number, query in enumerate(queries, start=1):
        try:
            page = await source.page(query)
        except (SourceUnavailable, SourceContradiction):
            # A source that no longer accepts instants as cursors refuses ours. It still lists the newest outputs.
            if number == len(queries):
                raise
            continue
        lacking = [instant for instant in _instants(page, axis) if _is_lacking(instant, known)]
        found = [instant for instant in lacking if instant < settled_before(page, axis, clock.now())]
        if lacking or not page.outputs or query in _NEWEST:
            break
    watermark = checkpoint.coverage.watermark if checkpoint else None
    return NewOutputs(archive=str(layout), watermark=watermark, seen=len(found), oldest=min(found, default=None))


def _known(checkpoint: Checkpoint) -> Coverage:
    """What is covered, and the holes: runs look at these again, ever more rarely, whatever a page shows of them."""
    return checkpoint.coverage.merge(Coverage.of(hole.window for hole in checkpoint.holes))


def _instants(page: Page, axis: Axis) -> list[datetime]:
    # A source may stop naming completion times. A run notices that, but only if something starts a run.
    instants = (instant_on(axis, output) or output.created_at for output in page.outputs)
    return [instant for instant in instants if instant is not None]


def _is_lacking(instant: datetime, known: Coverage) -> bool:
    """Whether it is neither known nor before all that is: an archive may begin later than the account."""
    return instant not in known and instant >= (known.watermark or instant)
