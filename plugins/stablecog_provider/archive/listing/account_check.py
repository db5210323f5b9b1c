"""Whether the source is still the account that was archived.

Another account's key would mix two accounts in one archive. Neither the key is stored nor anything made of it: keys are renewed,
and an account may have several. Nor does the address tell: gateways come and go. An account is recognised by what it lists: of
the stretches that are covered, the manifest holds every output that the same account lists, but for a few. An account that
merely shares some outputs lists others beside them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from ...errors import AnotherAccount, SourceUnavailable
from ...model.checkpoint import Checkpoint
from ...model.coverage import Axis, Coverage
from ...model.manifest import Row
from ...model.object_keys import Rendition, day_of
from ...model.output import Output, UnreadableOutput, identity, instant_on
from ...model.row_lifecycle import is_live
from ...model.times import BEGINNING, MICROSECOND
from ..ports import Partition, Source
from .capabilities import Capabilities, Probe
from .listed_at import largest_page, listed_at
from .samples import check_samples
from .sweep import Slice

SHARE = 0.9
"""Of the outputs that are listed in covered stretches, at least this share must be held."""
ENOUGH = 20
"""Listed outputs on which the judgement rests, if there are as many. One that the manifest lacks makes it look further."""
STILL_LISTED = 0.75
"""Of the outputs that are held, at least this share must be listed if much is listed that nobody can judge."""
ENOUGH_TO_SPARE_ONE = 3
"""Outputs that are held beside one that is not."""
PLACES = 4
"""Days that are looked at besides, if that many were not seen: over all of the archive."""
DAYS = 8
"""Days of a page that are judged, each of which is a partition to load: a page of a sparse account spans half a year."""


@dataclass(slots=True)
class Evidence:
    """Which of the listed outputs the manifest holds, and which it lacks though it should hold them. `missing`: outputs that
    the manifest holds between listed ones, and that are not listed. `unknown`: those that it lacks in covered stretches that
    may not be complete.
    """

    held: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    @property
    def judged(self) -> int:
        return len(self.held) + len(self.foreign)

    @property
    def same(self) -> bool:
        return bool(self.held) and self._few(len(self.foreign))

    @property
    def certain(self) -> bool:
        """Whether what cannot be judged would change nothing."""
        return self._few(len(self.foreign) + len(self.unknown))

    def _few(self, lacking: int) -> bool:
        # Of few, a single one that was released weighs too much.
        spared = lacking == 1 and len(self.held) >= ENOUGH_TO_SPARE_ONE
        return spared or len(self.held) >= SHARE * (len(self.held) + lacking)

    @property
    def lacks_nothing(self) -> bool:
        """Whether what the manifest holds is listed wherever that was looked at, but for a few."""
        return len(self.held) >= SHARE * (len(self.held) + len(self.missing))

    def look(self, rows: Iterable[Row], outputs: Iterable[Output | UnreadableOutput]) -> None:
        """Note which of these live rows, all of one day, a page around them does not list."""
        listed = {identity(output): output.created_at for output in outputs}
        instants = [at for at in listed.values() if at is not None]
        if instants:
            between = (row for row in rows if min(instants) < row.created_at < max(instants))
            self.missing |= {row.output_id for row in between} - listed.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What is known to be archived. `checkpoint` is on the axis of the walk; `partition` reads one day. `lost`: days whose
    partition is missing or unreadable, so that nobody knows what it held.
    """

    archive: str
    checkpoint: Checkpoint
    partition: Callable[[date], Awaitable[Partition]]
    lost: Collection[date] = ()

    @property
    def trusted(self) -> Coverage:
        """Where the manifest holds all that the source lists, as far as is known."""
        known, axis = self.checkpoint, self.checkpoint.axis
        doubtful = known.reread.merge(Coverage.of(each.window for each in known.differences))
        return known.coverage.subtract(doubtful.around(axis, Axis.REQUESTED))

    async def judge(self, outputs: Iterable[Output | UnreadableOutput], evidence: Evidence) -> None:
        """Add these outputs to the evidence."""
        trusted, axis, days = self.trusted, self.checkpoint.axis, self.checkpoint.partitions
        by_day: defaultdict[date, dict[str, set[str]]] = defaultdict(dict)
        for output in outputs:
            if isinstance(output, UnreadableOutput):
                # Nothing speaks against the account if the manifest lacks it.
                if output.id and output.created_at and (day_of(output.created_at) in by_day or len(by_day) < DAYS):
                    by_day[day_of(output.created_at)][output.id] = set()
            else:
                at = instant_on(axis, output)
                day = day_of(output.created_at)
                if day not in by_day and len(by_day) >= DAYS:
                    continue
                if at is None or at not in self.checkpoint.coverage:
                    # With the checkpoint lost, what is covered is unknown, and so is what the manifest lacks on its days.
                    lacked = set[str]() if self.checkpoint.coverage or day not in days else evidence.unknown
                else:
                    lacked = evidence.foreign if at in trusted and day not in self.lost else evidence.unknown
                by_day[day][output.id] = lacked
        for day, listed in by_day.items():
            partition = await self.partition(day) if day in days else None
            for output_id, lacked in listed.items():
                held = partition is not None and partition.get((output_id, Rendition.ORIGINAL)) is not None
                (evidence.held if held else lacked).add(output_id)

    async def holds_before(self, settled: datetime) -> bool:
        """Whether the manifest holds a live output that a run could mark as deleted: covered, or of before this instant."""
        for day in self.checkpoint.live_days:
            rows = (await self.partition(day)).rows()
            instants = (instant_on(self.checkpoint.axis, row) for row in rows if is_live(row))
            if any(at is None or at < settled or at in self.checkpoint.coverage for at in instants):
                return True
        return False

    async def is_listed(self, slice_: Slice) -> bool:
        """Whether the source lists what the manifest holds in the slice. The same account may list more besides, if outputs
        that were hidden were released; another account lists less.
        """
        listed = {identity(output) for output in slice_.outputs}
        held: set[str] = set()
        for day in self.checkpoint.live_days:
            if day_of(slice_.window.start) <= day <= day_of(slice_.window.end):
                rows = (await self.partition(day)).rows()
                instants = {row.output_id: instant_on(self.checkpoint.axis, row) for row in rows if is_live(row)}
                held |= {output_id for output_id, at in instants.items() if at is not None and at in slice_.window}
        return bool(held) and len(held & listed) >= SHARE * len(held)


async def check_account(source: Source, asked: Probe, archived: Archived, slice_: Slice | None = None) -> Evidence:
    """Raises AnotherAccount if the source lists another account than the archived one.

    `slice_`: a stretch that was read besides, so that it mostly costs nothing; at most a page or two at each of `PLACES` days.
    """
    evidence, capabilities, failure = Evidence(), asked.capabilities, None
    days = archived.checkpoint.live_days
    if capabilities.empty and archived.lost:
        # Nobody can tell whether what they held may have been deleted since.
        raise AnotherAccount(_difference(source, archived, evidence))
    if capabilities.empty and not await archived.holds_before(asked.page.source_time - capabilities.axis.settling):
        # Nothing can be mixed, and what is as new as this may just have been deleted.
        return evidence
    if not capabilities.empty:
        shown = (*asked.page.outputs, *(slice_.outputs if slice_ else ()))
        await archived.judge({identity(output): output for output in shown}.values(), evidence)
    if not days:
        if not archived.checkpoint.partitions:
            if archived.lost and not archived.checkpoint.account:
                # Nobody can tell. The samples are gone if the source has changed how it lists.
                raise AnotherAccount(_difference(source, archived, evidence))
            # Another run began it, and has committed no row yet; or the source once claimed that the account is empty.
            await check_samples(source, archived.checkpoint.account, capabilities, archived.archive)
        elif evidence.foreign and not evidence.same:
            # All that was archived has been deleted. What the same account has made since is not in covered stretches.
            raise AnotherAccount(_difference(source, archived, evidence))
        return evidence
    if not capabilities.empty:
        for day in _spread(days, archived.checkpoint.proofs):
            if evidence.judged >= min(ENOUGH, archived.checkpoint.live) and not evidence.foreign:
                break
            live = [row for row in (await archived.partition(day)).rows() if is_live(row)]
            try:
                async for outputs in _listed_around(source, live, capabilities):
                    before = len(evidence.held)
                    await archived.judge(outputs, evidence)
                    evidence.look(live, outputs)
                    if len(evidence.held) > before:
                        break
            except SourceUnavailable as error:
                # That page may fail in every run; others tell, too.
                failure = error
    if evidence.same and not evidence.certain and not await _still_listed(source, asked, archived):
        raise AnotherAccount(_difference(source, archived, evidence))
    if failure and not evidence.same:
        raise failure
    if capabilities.empty and not evidence.judged:
        raise emptied(source, archived.archive, archived.checkpoint.live)
    vouched = slice_ and not slice_.crowded and evidence.lacks_nothing and await archived.is_listed(slice_)
    if not evidence.same and not vouched:
        raise AnotherAccount(_difference(source, archived, evidence))
    return evidence


def emptied(source: Source, archive: str, live: int) -> AnotherAccount:
    """The refusal of a source that lists nothing. Two steps lead on: the key may be another's, and the first marks nothing as
    deleted. The run that it lets through names the number for the second.
    """
    return AnotherAccount(
        f"the source at {source.address} lists nothing, but {archive} holds {live} outputs",
        hint="check the API key, and archive another account under another prefix; if it is the same account and all its "
        "outputs were deleted there, pass --allow-account-mismatch once, and then what that run asks for",
    )


async def _still_listed(source: Source, asked: Probe, archived: Archived) -> bool:
    """Whether the source lists what the manifest holds at sampled days. An account that was archived in part lists much that is
    not held, and so does another account; but that one also lacks what is held.
    """
    present, absent, failure = 0, 0, None
    newest = await largest_page(source)
    for day in _spread(archived.checkpoint.live_days, archived.checkpoint.proofs):
        live = [row for row in (await archived.partition(day)).rows() if is_live(row)]
        page = newest
        if asked.capabilities.cursor is not None and page.next is not None:
            instants = _instants(live, asked.capabilities)
            try:
                page = await largest_page(source, max(instants) + MICROSECOND)
            except SourceUnavailable as error:
                # That page may fail in every run; others tell, too.
                failure = error
                continue
        listed = {identity(output) for output in page.outputs}
        reached = min((output.created_at for output in page.outputs if output.created_at), default=BEGINNING)
        shown = [row.output_id in listed for row in live if page.next is None or row.created_at > reached]
        present, absent = present + sum(shown), absent + len(shown) - sum(shown)
    if failure and not present + absent:
        raise failure
    return present >= STILL_LISTED * (present + absent)


def _difference(source: Source, archived: Archived, evidence: Evidence) -> str:
    if not evidence.judged:
        return (
            f"the source at {source.address} lists nothing that {archived.archive} holds: the key belongs to another account, "
            "or everything that was compared has been deleted at the source"
        )
    listed = evidence.judged + (0 if not evidence.same else len(evidence.unknown))
    where = "on sampled days" if evidence.same else "in completely archived periods"
    more = ", and the source lacks others that the archive holds" if evidence.same else ""
    return (
        f"the source at {source.address} is not the account of {archived.archive}: of {listed} outputs that it lists "
        f"{where}, the archive holds {len(evidence.held)}{more}"
    )


def _spread(days: list[date], turn: int) -> list[date]:
    """Days over all of the archive, others at each turn; the newest and the oldest among them."""
    inner = [days[(turn + number * len(days) // PLACES) % len(days)] for number in range(1, PLACES - 1)]
    return list(dict.fromkeys((days[-1], *inner, days[0])))


async def _listed_around(
    source: Source, rows: list[Row], capabilities: Capabilities
) -> AsyncIterator[tuple[Output | UnreadableOutput, ...]]:
    """What the source lists below the newest of the rows, and above the oldest: some of them if they are still there."""
    if not rows:
        return
    async for outputs in listed_at(_instants(rows, capabilities), capabilities, source):
        yield outputs


def _instants(rows: Iterable[Row], capabilities: Capabilities) -> list[datetime]:
    """The rows' instants on the axis of the source's cursor."""
    completed = capabilities.cursor is Axis.COMPLETED
    return [(row.output_created_at if completed else None) or row.created_at for row in rows]
