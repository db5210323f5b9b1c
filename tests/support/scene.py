"""The simulated world behind the ports, without HTTP: fast enough for whole histories, with the same documents as the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.assembly import row_filter
from stablecog_provider.adapters.memory import FixedClock, MemoryImage, MemoryImages, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.parquet_registers import ParquetRegisters
from stablecog_provider.archive.forget import ForgetSettings, forget
from stablecog_provider.archive.forgetting.ports import ForgetPorts
from stablecog_provider.archive.naming.ports import Answer, Naming
from stablecog_provider.archive.ports import BucketPorts, ImageBody, Ports, Source
from stablecog_provider.archive.refresh import RefreshSettings, refresh
from stablecog_provider.archive.reports.forget import ForgetReport
from stablecog_provider.archive.reports.refresh import RefreshReport
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.reports.verify import VerifyReport
from stablecog_provider.archive.resilience.retry import Sleep
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.archive.verify import VerifySettings, verify
from stablecog_provider.errors import ImageGone, SourceUnavailable
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.model_listing import parse_models
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.page import Page, PageQuery, parse_page
from stablecog_provider.simulator.dialect import CURRENT, Dialect
from stablecog_provider.simulator.documents import page_document
from stablecog_provider.simulator.models import models_document
from stablecog_provider.simulator.world import DEFAULT_KEY
from stablecog_provider.simulator.world import World as SimulatedWorld

ADDRESS = "https://simulated.test"
LAYOUT = Layout("archive", "stablecog")


Spoil = Callable[[dict[str, Any]], None]
"""Changes the source's documents before they are parsed."""


class SimulatedSource:
    """Ports `Source` and `ModelSource`. `questions`: all queries so far. `asked_for_models`: how often."""

    def __init__(
        self, world: SimulatedWorld, dialect: Dialect, clock: FixedClock, dies_after: int | None = None
    ) -> None:
        self.address = ADDRESS
        self.dies_after = dies_after
        self.spoil: Spoil | None = None
        self.world, self.dialect, self.clock = world, dialect, clock
        self.questions: list[PageQuery] = []
        self.asked_for_models = 0

    @property
    def requests(self) -> int:
        return len(self.questions) + self.asked_for_models

    async def models(self) -> Answer:
        self.asked_for_models += 1
        await asyncio.sleep(0)
        now = self.clock.now()
        return Answer(parse_models(models_document(now, self.world.retired)), now)

    async def page(self, query: PageQuery) -> Page:
        self.questions.append(query)
        if self.dies_after is not None and self.requests > self.dies_after:
            raise SourceUnavailable("500, again and again")
        now = self.clock.now()
        listed = self.world.account(DEFAULT_KEY).listing.page(query, now, self.dialect)
        document = page_document(listed, now, self.dialect, ADDRESS)
        document = json.loads(json.dumps(document))
        if self.spoil:
            self.spoil(document)
        return parse_page(document, now)


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


def small_jpeg(name: str) -> bytes:
    """Return a minimal JPEG, different for each name."""
    return tiny_jpeg(name.encode())


class SimulatedImages:
    """Port `ImageSource`: tiny images for all names that the world knows. `broken`: errors by name."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world
        self.asked: list[str] = []
        self.broken: dict[str, Exception] = {}

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        self.asked.append(url)
        name = PurePosixPath(url).name
        if name in self.broken:
            raise self.broken[name]
        if self.world.image(name) is None:
            raise ImageGone(f"404: {url}")
        async with MemoryImages({url: MemoryImage(small_jpeg(name))}).open(url) as body:
            yield body


@dataclass
class Scene:
    """One account, one bucket, and one clock for both, unless a test replaces `our_clock`."""

    simulated: SimulatedWorld
    dialect: Dialect = CURRENT
    store: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    source_dies_after: int | None = None
    spoil: Spoil | None = None
    sleep: Sleep = asyncio.sleep
    with_names: bool = False
    """Runs ask for the list of models, too."""

    def __post_init__(self) -> None:
        self.clock = self.our_clock = FixedClock(self.simulated.present)
        self.images = SimulatedImages(self.simulated)

    async def run(self, **settings: object) -> RunReport:
        self.source = self._asked_anew()
        self.images.asked.clear()
        self.store.requests = 0
        return await archive(self.ports(self.source), ArchiveSettings(layout=LAYOUT, **settings))  # type: ignore[arg-type]

    def ports(self, source: Source | None = None) -> Ports:
        """Return the ports of a run, for tests that run a command or another use case."""
        source = source or self._asked_anew()
        return Ports(
            source=source,
            images=self.images,
            store=self.store,
            manifest=ParquetManifest(self.store, LAYOUT),
            clock=self.our_clock,
            sleep=self.sleep,
            naming=self.naming(source),
        )

    def naming(self, source: Source) -> Naming | None:
        """Return what a run needs for names, if the source lists models."""
        registers = ParquetRegisters(self.store, LAYOUT, sleep=self.sleep)
        return Naming(source, registers) if self.with_names and isinstance(source, SimulatedSource) else None

    def bucket_ports(self) -> BucketPorts:
        """Return the ports of a use case that does not ask the source's API."""
        return BucketPorts(
            images=self.images,
            store=self.store,
            manifest=ParquetManifest(self.store, LAYOUT),
            clock=self.our_clock,
            sleep=self.sleep,
        )

    async def verify(self, **settings: object) -> VerifyReport:
        return await verify(self.bucket_ports(), VerifySettings(layout=LAYOUT, **settings))  # type: ignore[arg-type]

    async def refresh(self, **settings: object) -> RefreshReport:
        self.source = self._asked_anew()
        return await refresh(self.ports(self.source), RefreshSettings(layout=LAYOUT, **settings))  # type: ignore[arg-type]

    def forget_ports(self) -> ForgetPorts:
        """Return the ports of a forget."""
        return ForgetPorts(
            store=self.store,
            manifest=ParquetManifest(self.store, LAYOUT),
            clock=self.our_clock,
            filter=row_filter,
            sleep=self.sleep,
        )

    async def forget(self, **settings: object) -> ForgetReport:
        return await forget(self.forget_ports(), ForgetSettings(layout=LAYOUT, **settings))  # type: ignore[arg-type]

    def _asked_anew(self) -> SimulatedSource:
        source = SimulatedSource(self.simulated, self.dialect, self.clock, self.source_dies_after)
        source.spoil = self.spoil
        return source

    async def rows(self) -> dict[tuple[str, str], Row]:
        manifest = ParquetManifest(MemoryObjectStoreView(self.store), LAYOUT)
        return {row.key: row for day in await manifest.days() for row in (await manifest.load(day)).rows()}


class MemoryObjectStoreView(MemoryObjectStore):
    """The same objects without hooks and counters, for checking the result."""

    def __init__(self, store: MemoryObjectStore) -> None:
        super().__init__()
        self.objects = store.objects
