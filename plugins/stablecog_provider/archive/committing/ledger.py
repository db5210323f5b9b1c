"""What the manifest holds, what is on its way there, and so what an output read from the source adds."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from ...model import row_attempts, row_lifecycle
from ...model.coverage import Coverage, Window, is_slow
from ...model.manifest import Row, RowKey, State, describes, row_of, row_of_unreadable
from ...model.object_keys import Rendition, day_of
from ...model.output import Output, UnreadableOutput, identity
from ...model.times import BEGINNING, MICROSECOND
from ..copying.outage import host_of
from ..copying.transfer import CopyJob
from ..ports import Clock, Manifest
from .partitions import Partitions

ADDRESSES = 3
"""Addresses with a query that are kept per host."""
NAMED_NOWHERE = "its output was deleted at the source, and its whole address was never stored"


@dataclass(frozen=True, slots=True)
class Refresh:
    """A row to write as it is. `failure`: why its output could not be read, if so."""

    row: Row
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """A row to write once its image was tried. `rested`: whether the attempt was due; one that comes before its time counts
    for nothing if it fails.
    """

    row: Row
    job: CopyJob
    rested: bool = True


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A row that marks its output as deleted at the source."""

    row: Row


Entry = Refresh | Tombstone | Fetch


class Ledger(Partitions):
    """Answers for one run. What is on its way to the manifest counts as known: nothing is fetched twice.

    `has_undated_rows`: the manifest has rows whose outputs' dates could not be read; they lie under `BEGINNING`. `retry_all`:
    images that are not stored are due now, whenever their turn is. `expects`: whether a day must have a partition.
    """

    def __init__(
        self,
        manifest: Manifest,
        clock: Clock,
        run_id: str,
        *,
        has_undated_rows: bool = False,
        retry_all: bool = False,
        expects: Callable[[date], bool] = lambda _: False,
    ) -> None:
        super().__init__(manifest, expects)
        self._clock, self._run_id = clock, run_id
        self.has_undated_rows, self._retry_all, self._began = has_undated_rows, retry_all, clock.now()
        self._pending: dict[RowKey, Row] = {}
        self._fetched: set[RowKey] = set()
        self.addresses: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=ADDRESSES))
        """By host, the latest addresses with a query at which archived images were listed: no row has the query."""
        self.created: set[str] = set()
        """Ids of outputs that this run was the first to see."""

    async def entries(
        self, outputs: Iterable[Output | UnreadableOutput], read_at: datetime | None = None
    ) -> list[Entry]:
        """Return what these outputs add to the manifest: images to fetch, and rows with new information. `read_at`: when they
        were listed, if that is long ago. Nothing of days whose partition cannot be read, which `unreadable` names then.
        """
        found: list[Entry] = []
        for output in outputs:
            if output.created_at is not None and not await self.readable([day_of(output.created_at)]):
                continue
            if isinstance(output, UnreadableOutput):
                found += await self._unreadable(output)
                continue
            for rendition, url in (
                (Rendition.ORIGINAL, output.image_url),
                (Rendition.UPSCALED, output.upscaled_image_url),
            ):
                if url:
                    found += await self._image(output, rendition, url, read_at)
        return found

    async def due(self, day: date, *, listed: bool = False) -> list[Entry]:
        """Return the images of a day that are due for another attempt, the longest due first. Those whose address only the
        listing names wait for it. `listed`: it was read for them, so that this was an attempt that failed if they are still due.
        """
        rows = (row for row in (await self.partition(day)).rows() if row.key not in self._pending and self._is_due(row))
        due = [replace(row, run_id=self._run_id) for row in rows if listed or not _needs_listing(row)]
        due.sort(key=lambda row: row_attempts.retry_due(row) or row.first_seen_at)
        return [self._not_listed(row) if _needs_listing(row) else self._fetch(row, row.source_url) for row in due]

    async def outdated(self, day: date, *, needed: bool = False) -> Coverage:
        """Return the periods (requested axis) of a day's due outputs whose listing is to be read before another attempt: since
        the last one, the source may name another address. `needed`: only of those that cannot be requested otherwise.
        """
        if not await self.readable([day]):
            return Coverage()
        rows = [
            row
            for row in (await self.partition(day)).rows()
            if self._is_due(row) and (_needs_listing(row) or (row.attempts and not needed))
        ]
        return Coverage.of(
            Window(row.created_at, row.created_at + MICROSECOND) for row in rows if row.created_at > BEGINNING
        )

    async def unlisted(self, window: Window, listed: Mapping[str, datetime | None]) -> dict[str, date]:
        """The live outputs of the window (requested axis) that the source does not list, with the day that holds them.

        `listed`: when each listed output was requested, None if that cannot be read. An output that is listed on another day
        than the manifest holds it on is not listed on the latter.
        """
        kept: defaultdict[date | None, set[str]] = defaultdict(set)
        for output_id, at in listed.items():
            kept[at and day_of(at)].add(output_id)
        found: dict[str, date] = {}
        for day in await self.days(window):
            live = (await self.partition(day)).live_ids(window)
            found |= dict.fromkeys(sorted(live - kept[day] - kept[None]), day)
        return found

    async def live_elsewhere(self, stand_ins: set[str]) -> set[str]:
        """Return those of these outputs that have a live row of their own. Every partition is read."""
        found: set[str] = set()
        for day in await self._manifest.days() if stand_ins else []:
            if day != day_of(BEGINNING):
                midnight = datetime.combine(day, time(), UTC)
                live = (await self.partition(day)).live_ids(Window(midnight, midnight + timedelta(days=1)))
                found |= stand_ins & live
        return found

    async def live_in(self, window: Window) -> dict[str, datetime]:
        """The live outputs that the manifest holds in the window (requested axis), with the start of their part of it."""
        found: dict[str, datetime] = {}
        for day in await self.days(window):
            at = max(window.start, datetime.combine(day, time(), UTC))
            found |= dict.fromkeys((await self.partition(day)).live_ids(window), at)
        return found

    async def requested_at(self, outputs: Mapping[str, date]) -> dict[str, datetime]:
        """When these outputs, each with the day that holds it, were requested."""
        return {row.output_id: row.created_at for row in await self._rows_of(outputs)}

    async def completed_at(self, outputs: Mapping[str, date]) -> set[datetime]:
        """When these outputs, each with the day that holds it, completed, as far as that is known."""
        return {row.output_created_at for row in await self._rows_of(outputs) if row.output_created_at is not None}

    async def slow(self, outputs: Mapping[str, date]) -> set[str]:
        """Return those of these outputs, each with the day that holds it, that a listing of their place may not show."""
        rows = await self._rows_of(outputs)
        return {row.output_id for row in rows if is_slow(row.created_at, row.output_created_at)}

    async def tombstones(self, outputs: Mapping[str, date]) -> list[Entry]:
        """Rows that mark these outputs, each with the day that holds it, as deleted at the source."""
        now, rows = self._clock.now(), await self._rows_of(outputs)
        return [Tombstone(row_lifecycle.deleted(row, now, self._run_id)) for row in rows]

    def committed(self, rows: Iterable[Row]) -> None:
        """Note that these rows are in the manifest now."""
        for row in rows:
            self._pending.pop(row.key, None)

    async def _image(self, output: Output, rendition: Rendition, url: str, read_at: datetime | None) -> list[Entry]:
        key = (output.id, rendition)
        pending = self._pending.get(key)
        saved = (await self.partition(day_of(output.created_at))).get(key)
        known = pending or saved
        if "?" in url and known is not None and _is_stored_image(known, url):
            self.addresses[host_of(url)].append(url)
        dated_at_last = await self._readable_at_last(key)
        if known is not None and describes(known, output) and (pending is not None or not self._is_due(known)):
            return dated_at_last
        seen_at = self._after(known) if read_at is None else self._between(known, read_at)
        if seen_at is None:
            return dated_at_last
        fresh = row_of(output, rendition, seen_at=seen_at, run_id=self._run_id)
        if known is None:
            if rendition is Rendition.ORIGINAL:
                # The upscaled image of a known output makes no new output.
                self.created.add(output.id)
            return [self._fetch(fresh, url), *dated_at_last]
        # The row as it will be: an address that changed may name another image, which is then due.
        row = replace(row_lifecycle.merge_rows(known, fresh), run_id=self._run_id)
        if pending is None and self._is_due(row):
            return [self._fetch(row, url), *dated_at_last]
        self._pending[key] = row
        # Only what was read is included: an image that is being copied is recorded by its own row.
        return [Refresh(row if row.state == State.FORGOTTEN else fresh), *dated_at_last]

    async def _unreadable(self, output: UnreadableOutput) -> list[Entry]:
        # If the date cannot be read, a fixed day replaces it, so that the same output is the same row in every run.
        row = row_of_unreadable(output, BEGINNING, identity(output), self._clock.now(), self._run_id)
        known = self._pending.get(row.key) or (await self.partition(day_of(row.created_at))).get(row.key)
        if known is not None:
            if describes(known, output) and not (known.source_url is None and self._is_due(known)):
                return []
            # What was read before is more useful than what cannot be read now.
            was_readable = known.generation_id is not None or known.state == State.FORGOTTEN
            row = (
                replace(known, deleted_at=None, last_seen_at=self._after(known), run_id=self._run_id)
                if was_readable
                else replace(row, attempts=known.attempts + 1, last_seen_at=self._after(known))
            )
        else:
            self.created.add(row.output_id)
        self._pending[row.key] = row
        dated_at_last = await self._readable_at_last(row.key) if known is None and row.created_at > BEGINNING else []
        failure = (row.error or "") if row.generation_id is None else ""
        return [Refresh(row, failure), *dated_at_last]

    async def _readable_at_last(self, key: RowKey) -> list[Entry]:
        """The end of the row under `BEGINNING` that stood in for this output while its date could not be read."""
        if not self.has_undated_rows:
            return []
        stand_in = (await self.partition(day_of(BEGINNING))).get(key)
        if stand_in is None or stand_in.deleted_at is not None:
            return []
        return [Tombstone(row_lifecycle.deleted(stand_in, self._after(stand_in), self._run_id))]

    async def _rows_of(self, outputs: Mapping[str, date]) -> list[Row]:
        """The rows of these outputs, each with the day that holds it."""
        found: list[Row] = []
        for output_id, day in outputs.items():
            partition = await self.partition(day)
            rows = (partition.get((output_id, rendition)) for rendition in Rendition)
            found += [row for row in rows if row is not None]
        return found

    def _not_listed(self, row: Row) -> Refresh:
        # Nothing names the address of a deleted output any more. That is as final as a 404 from its host.
        gone = row.source_url is not None and row.deleted_at is not None
        error = NAMED_NOWHERE if gone else row.error or "the source lists it no more"
        failed = row_attempts.unavailable(row, error, self._clock.now(), gone=gone)
        self._pending[row.key] = failed
        return Refresh(failed, failed.error or "")

    def _fetch(self, row: Row, url: str | None) -> Fetch:
        if url is None:
            raise ValueError(f"no address to copy {row.key} from")
        self._pending[row.key] = row
        self._fetched.add(row.key)
        rested = row.attempted_at is None or row_attempts.has_rested(row, self._clock.now())
        lost = row.state == State.LOST
        return Fetch(row, CopyJob(row.output_id, Rendition(row.rendition), day_of(row.created_at), url, lost), rested)

    def _is_due(self, row: Row) -> bool:
        if row.key in self._fetched:
            # One attempt per run, even if the host was down.
            return False
        if row_attempts.has_rested(row, self._clock.now()):
            return True
        due = row_attempts.retry_due(row)
        return self._retry_all and due is not None and (row.attempted_at or self._began) < self._began

    def _between(self, known: Row | None, read_at: datetime) -> datetime | None:
        """Return when the output was seen; None if another run has seen it since."""
        if known is None:
            return read_at
        newest = max(known.last_seen_at, known.deleted_at or known.last_seen_at)
        if newest < read_at:
            return read_at
        return None if read_at < newest <= self._clock.now() else self._after(known)

    def _after(self, known: Row | None) -> datetime:
        """Return now, or an instant after all in the row if that is later: the clocks of other machines may be ahead."""
        now = self._clock.now()
        if known is None:
            return now
        return max(now, known.last_seen_at + MICROSECOND, (known.deleted_at or known.last_seen_at) + MICROSECOND)


def _needs_listing(row: Row) -> bool:
    """Whether only the listing names the image's address: the row has none, or has it without its query."""
    return row.source_url is None or row.source_url.endswith("?")


def _is_stored_image(row: Row, url: str) -> bool:
    """Whether the row's image is in the bucket, and the address names it."""
    same_image = row_lifecycle.image_name(url) == row_lifecycle.image_name(row.archived_url)
    return row.state == State.ARCHIVED and same_image
