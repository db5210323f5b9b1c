"""A scene whose source and image hosts can misbehave on cue, and the promises that hold after every run."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from stablecog_provider.adapters.memory import FixedClock, MemoryImage, MemoryImages
from stablecog_provider.adapters.parquet_partition import read_partition
from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.reports.rebuild import RebuildReport
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.reports.status import ArchiveStatus
from stablecog_provider.archive.status import status
from stablecog_provider.errors import ArchiveError
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.model.row_lifecycle import image_name
from stablecog_provider.simulator.dialect import CURRENT, Dialect
from stablecog_provider.simulator.outputs import SimulatedOutput
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.scene import (
    ADDRESS,
    LAYOUT,
    Scene,
    SimulatedImages,
    SimulatedSource,
    no_sleep,
    small_jpeg,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTLED = timedelta(seconds=331)
"""After this long, an output has appeared, whatever the dialect."""
LARGEST_SUMMARY = 8_000

Ask = Callable[[PageQuery], Awaitable[Page]]
Play = Callable[[PageQuery, Ask], Awaitable[Page]]
"""Answers a query instead of the source; `Ask` asks the source itself."""


class StagedSource(SimulatedSource):
    """A SimulatedSource that answers as `play` says."""

    play: Play | None = None

    async def page(self, query: PageQuery) -> Page:
        if self.play is None:
            return await super().page(query)
        before = len(self.questions)
        page = await self.play(query, super().page)
        # One question is one request, however it was answered.
        self.questions[before:] = [query]
        return page


class StagedImages(SimulatedImages):
    """SimulatedImages whose hosts can be down, and whose images can have other bytes. `down`: the error by host."""

    def __init__(self, world: SimulatedWorld) -> None:
        super().__init__(world)
        self.down: dict[str, Exception] = {}
        self.bodies: dict[str, bytes] = {}
        self.before: Callable[[str], Awaitable[None]] | None = None

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        if self.before is not None:
            await self.before(url)
        name = PurePosixPath(url).name
        if (error := self.down.get(urlsplit(url).netloc)) is not None:
            self.asked.append(url)
            raise error
        if name in self.bodies and name not in self.broken:
            self.asked.append(url)
            async with MemoryImages({url: MemoryImage(self.bodies[name])}).open(url) as body:
                yield body
            return
        async with super().open(url) as body:
            yield body


@dataclass
class Stage(Scene):
    """A Scene with `play`, and with images that may be down by host."""

    play: Play | None = None
    address: str = ADDRESS
    images: StagedImages = field(init=False)
    _parsed: dict[tuple[str, bytes], list[Row]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.images = StagedImages(self.simulated)
        self.sleep = no_sleep

    def _asked_anew(self) -> StagedSource:
        source = StagedSource(self.simulated, self.dialect, self.clock, self.source_dies_after)
        source.spoil, source.play, source.address = self.spoil, self.play, self.address
        return source

    async def rows(self) -> dict[tuple[str, str], Row]:
        """All rows by key. If the source moved an output to another day, the row that is live."""
        found: list[Row] = []
        for key, held in self.store.objects.items():
            day = LAYOUT.parse_partition(key)
            if day is not None:
                if (key, held.body) not in self._parsed:
                    self._parsed[key, held.body] = list(read_partition(day, held.body, key).rows())
                found += self._parsed[key, held.body]
        return {row.key: row for row in sorted(found, key=lambda row: row.deleted_at is None)}

    async def rebuild(self, **settings: object) -> RebuildReport:
        return await rebuild(self.ports(), RebuildSettings(layout=LAYOUT, **settings))  # type: ignore[arg-type]

    async def status(self) -> ArchiveStatus:
        return await status(self.store, LAYOUT, self.our_clock.now())

    async def checked_run(self, **settings: object) -> RunReport:
        """A run, and what every run has to keep: the cost it names, a short summary, the claims of run and status."""
        report = await self.run(**settings)
        assert report.source_requests <= report.request_limit, (report.source_requests, report.request_limit)
        assert len(json.dumps(report.summary())) < LARGEST_SUMMARY
        await self.assert_claims_hold(report)
        return report

    async def ordinary_runs(self, count: int, every: timedelta = DAY) -> list[RunReport]:
        """Runs without any option, `every` so long."""
        reports = []
        for _ in range(count):
            self.clock.advance(every)
            reports.append(await self.checked_run())
        return reports

    async def assert_claims_hold(self, report: RunReport) -> None:
        """What run and status claim, held against what the world knows."""
        rows, now, live = await self.rows(), self.clock.now(), self.live()
        wrongly = [key for key, row in rows.items() if row.deleted_at is not None and key[0] in live]
        assert not wrongly, "marked as deleted, and still there"
        told = await self.status()
        assert told.outcome == report.outcome, (told.outcome, report.outcome)
        if told.watermark is not None:
            assert told.watermark <= now, "nothing is claimed of the future"
        since = told.sweep.oldest
        if since is not None:
            late = [
                output
                for output in live.values()
                if output.is_upscaled(since) and output.o < since and (output.id, Rendition.UPSCALED) not in rows
            ]
            assert self.dialect is not CURRENT or not late, "said to be read again since, and its upscale is unknown"

    def beside(self) -> Stage:
        """Another process at the same account and bucket, with the same clock."""
        other = Stage(self.simulated, store=self.store)
        other.clock = other.our_clock = self.clock
        return other

    def live(self) -> dict[str, SimulatedOutput]:
        """The outputs that the source has now, and had long enough to be listed, by id."""
        now = self.clock.now()
        return {output.id: output for output in self.simulated.visible(now) if output.o < now - SETTLED}

    async def assert_nothing_lost(self, *, without_image: Iterable[str] = ()) -> None:
        """Every live output has its row, and every image that its host serves is stored as it was served."""
        rows, lost = await self.rows(), set(without_image)
        missing = sorted(self.live().keys() - {output_id for output_id, _ in rows})
        assert not missing, f"{len(missing)} outputs have no row"
        for output in self.live().values():
            for rendition in Rendition:
                if output.has_image(rendition, self.clock.now() - SETTLED) and self.dialect is CURRENT:
                    row = rows.get((output.id, rendition))
                    assert row is not None, f"no row for the {rendition} image of {output.id}"
                    assert row.state == "archived" or output.id in lost, (row.state, row.error)
        for row in rows.values():
            if row.state == "archived":
                self.assert_stored(row)

    def assert_stored(self, row: Row) -> None:
        """The row's object has the row's size and hash, and is the image of the address that it names."""
        body = self.body_of(row.uri)
        assert (len(body), hashlib.sha256(body).hexdigest()) == (row.bytes, row.sha256)
        name = image_name(row.archived_url)
        assert body == self.images.bodies.get(name, small_jpeg(name)), "the bytes of another address"

    def body_of(self, uri: str | None) -> bytes:
        return self.store.objects[self.key_of(uri)].body

    def key_of(self, uri: str | None) -> str:
        return (uri or "").removeprefix(f"s3://{LAYOUT.bucket}/")


def told_options(words: str | Iterable[str] | ArchiveError) -> dict[str, bool | int]:
    """The options that a message names, as settings of a run or a rebuild: to be followed literally."""
    text = words if isinstance(words, str) else str(words) if isinstance(words, ArchiveError) else "\n".join(words)
    found: dict[str, bool | int] = {}
    for name, number in re.findall(
        r"--(allow-deletions|allow-account-mismatch|retry-failed|set-aside-damaged)(?: (\d+))?", text
    ):
        found[name.replace("-", "_")] = int(number) if number else True
    return found


def stage_of(*requested: timedelta, took: float = 10.0, dialect: Dialect = CURRENT) -> Stage:
    """An account with an output requested each so long before noon."""
    world = SimulatedWorld.empty(NOON)
    for ago in requested:
        world.add(NOON - ago, NOON - ago + timedelta(seconds=took))
    return Stage(world, dialect)


def every(step: timedelta, count: int, since: timedelta) -> list[timedelta]:
    """So many ages, the first one `since`, each one `step` less than the one before."""
    return [since - step * number for number in range(count)]


def days_of(per_day: int, days: int) -> list[timedelta]:
    """Ages of outputs: so many on each of so many days, a minute apart."""
    return [ago for day in range(1, days + 1) for ago in every(timedelta(minutes=1), per_day, DAY * day)]


def as_of(stage: Stage, lag: timedelta) -> Play:
    """A source that lags: it answers as it would have so long ago, with a fresh `Date`."""

    async def play(query: PageQuery, ask: Ask) -> Page:
        behind = SimulatedSource(stage.simulated, stage.dialect, FixedClock(stage.clock.now() - lag))
        return replace(await behind.page(query), source_time=stage.clock.now())

    return play


def state_counts(rows: Iterable[Row]) -> dict[str, int]:
    """How many rows are in each state."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    return counts
