"""The simulated account behind the ports, without HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from typing import Any

from stablecog_provider.adapters.memory import FixedClock, MemoryImage, MemoryImages
from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.model.page import Page, PageQuery, parse_page
from stablecog_provider.simulator.dialect import Dialect
from stablecog_provider.simulator.documents import page_document
from stablecog_provider.simulator.world import DEFAULT_KEY
from stablecog_provider.simulator.world import World as SimulatedWorld

from ...local.tiny_jpeg import tiny_jpeg


class Source:
    """Port `Source` over the simulated account."""

    address = "https://simulated.test"

    def __init__(self, world: SimulatedWorld, dialect: Dialect, clock: FixedClock) -> None:
        self.world, self.dialect, self.clock, self.requests = world, dialect, clock, 0

    async def page(self, query: PageQuery) -> Page:
        self.requests += 1
        now = self.clock.now()
        listed = self.world.account(DEFAULT_KEY).listing.page(query, now, self.dialect)
        document = json.loads(json.dumps(page_document(listed, now, self.dialect, self.address)))
        self.change(document)
        return parse_page(document, now)

    def change(self, document: dict[str, Any]) -> None:
        """Change a page before it is parsed; overridden by sections that need other pages."""


class Images:
    """Port `ImageSource`: a minimal JPEG, different for each name."""

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        body = tiny_jpeg(PurePosixPath(url).name.encode())
        async with MemoryImages({url: MemoryImage(body)}).open(url) as image:
            yield image
