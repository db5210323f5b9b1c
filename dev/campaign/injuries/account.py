"""A simulated account without HTTP, archived into a bucket of a real S3 server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePosixPath

from stablecog_provider.adapters.memory import FixedClock, MemoryImage, MemoryImages
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.stored_objects import S3StoredObjects
from stablecog_provider.archive.ports import BucketPorts, ImageBody, Ports
from stablecog_provider.archive.reports.verify import VerifyReport
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.archive.verify import VerifySettings, verify
from stablecog_provider.errors import ImageGone
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.page import Page, PageQuery, parse_page
from stablecog_provider.simulator.dialect import CURRENT
from stablecog_provider.simulator.documents import page_document
from stablecog_provider.simulator.world import DEFAULT_KEY, World

from ...local.s3_server import S3Server
from ...local.tiny_jpeg import tiny_jpeg

ADDRESS = "https://simulated.test"


def image_of(name: str) -> bytes:
    """Return the image of a name: of 1 to 4 kB, so that most sizes differ."""
    return tiny_jpeg(name.encode() * (30 + sum(name.encode()) % 90))


class Source:
    """Port `Source` over the simulated account."""

    address = ADDRESS

    def __init__(self, world: World, clock: FixedClock) -> None:
        self.world, self.clock, self.requests = world, clock, 0

    async def page(self, query: PageQuery) -> Page:
        self.requests += 1
        now = self.clock.now()
        listed = self.world.account(DEFAULT_KEY).listing.page(query, now, CURRENT)
        return parse_page(json.loads(json.dumps(page_document(listed, now, CURRENT, self.address))), now)


@dataclass
class Images:
    """Port `ImageSource`. `gone`: names that it has no more. `other`: names that it serves with other bytes."""

    gone: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        name = PurePosixPath(url).name
        if name in self.gone:
            raise ImageGone(f"404: {url}")
        body = image_of(f"other {name}" if name in self.other else name)
        async with MemoryImages({url: MemoryImage(body)}).open(url) as image:
            yield image


@dataclass
class Archived:
    """An account and its archive at `layout`."""

    server: S3Server
    layout: Layout
    world: World
    images: Images = field(default_factory=Images)

    def __post_init__(self) -> None:
        self.clock = FixedClock(self.world.present + timedelta(hours=1))
        self.store = S3StoredObjects(
            self.layout.bucket, session=self.server.session(), endpoint_url=self.server.endpoint
        )

    async def archive(self) -> None:
        """Archive everything, and prove it."""
        manifest = ParquetManifest(self.store, self.layout)
        ports = Ports(
            source=Source(self.world, self.clock),
            images=self.images,
            store=self.store,
            manifest=manifest,
            clock=self.clock,
        )
        report = await archive(ports, ArchiveSettings(layout=self.layout))
        assert report.outcome == "proven", report.explain()
        self.clock.advance(timedelta(hours=1))

    async def verify(self, **settings: object) -> VerifyReport:
        async def no_sleep(seconds: float) -> None:
            await asyncio.sleep(0)

        ports = BucketPorts(
            images=self.images,
            store=self.store,
            manifest=ParquetManifest(self.store, self.layout),
            clock=self.clock,
            sleep=no_sleep,
        )
        self.clock.advance(timedelta(minutes=1))
        return await verify(ports, VerifySettings(layout=self.layout, **settings))  # type: ignore[arg-type]

    async def rows(self) -> list[Row]:
        """All rows that can be read, by day and key."""
        manifest = ParquetManifest(self.store, self.layout)
        return [row for day in await manifest.days() for row in (await manifest.load(day)).rows()]
