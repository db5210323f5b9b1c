"""The image hosts of the world: what each name shows, and hosts that are sick."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from stablecog_provider.adapters.memory import MemoryImage, MemoryImages
from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.errors import ImageGone, ImageRejected, SourceUnavailable

from ...local.tiny_jpeg import tiny_jpeg


class Health(StrEnum):
    WELL = "serves its images"
    FORGETFUL = "answers 404 for every image"
    FAILING = "answers 503 for every image"
    CUTTING = "cuts every body short"


def picture(name: str) -> bytes:
    """The least that passes for a JPEG, another for each name."""
    return tiny_jpeg(name.encode())


@dataclass(slots=True)
class Hosts:
    """Port `ImageSource`. `names`: images that exist. `vanished`: those that no host has any more. `broken`: those that are
    answered with something that is no image.
    """

    names: set[str] = field(default_factory=set)
    vanished: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    health: dict[str, Health] = field(default_factory=dict)

    def serves(self, url: str) -> bool:
        """Whether asking for it would bring the picture."""
        name = PurePosixPath(url).name
        well = self.health.get(urlsplit(url).netloc, Health.WELL) is Health.WELL
        return well and name in self.names and name not in self.vanished and name not in self.broken

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        await asyncio.sleep(0)
        name, health = PurePosixPath(url).name, self.health.get(urlsplit(url).netloc, Health.WELL)
        if health is Health.FAILING:
            raise SourceUnavailable("503")
        if health is Health.FORGETFUL or name not in self.names or name in self.vanished:
            raise ImageGone("404: no such image")
        if name in self.broken:
            raise ImageRejected("it is no image")
        body = picture(name)
        length = len(body) + 7 if health is Health.CUTTING else None
        async with MemoryImages({url: MemoryImage(body, declared_length=length)}).open(url) as opened:
            yield opened
