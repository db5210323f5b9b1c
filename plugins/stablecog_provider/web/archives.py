"""The archives that the page shows, each opened when it is first looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

from ..archive.browsing.latest import LatestCheckpoint
from ..archive.browsing.ports import BrowsePorts
from ..archive.naming.reading import LatestNames
from ..model.object_keys import Layout

OpenBrowsePorts = Callable[[Layout], AbstractAsyncContextManager[BrowsePorts]]


def slug_of(layout: Layout) -> str:
    """The archive's name in addresses: `bucket~prefix`, with `~` for each slash. No bucket or prefix has a `~`."""
    return "~".join([layout.bucket, *(layout.prefix.split("/") if layout.prefix else [])])


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is open. `name`: `bucket/prefix`. `latest`: its checkpoint, at most two seconds old. `names`: of models,
    at most a minute old.
    """

    layout: Layout
    ports: BrowsePorts
    latest: LatestCheckpoint
    names: LatestNames

    @property
    def slug(self) -> str:
        return slug_of(self.layout)

    @property
    def name(self) -> str:
        return str(self.layout).removeprefix("s3://")


class Archives:
    """All archives by slug. `opened` is called once per archive, and what it opened is closed by `close`."""

    def __init__(self, layouts: Iterable[Layout], opened: OpenBrowsePorts) -> None:
        self._layouts = {slug_of(layout): layout for layout in layouts}
        self._opened = opened
        self._open: dict[str, Archive] = {}
        self._stack = AsyncExitStack()
        self._turns = {slug: asyncio.Lock() for slug in self._layouts}

    def __len__(self) -> int:
        return len(self._layouts)

    @property
    def layouts(self) -> list[Layout]:
        return list(self._layouts.values())

    async def get(self, slug: str) -> Archive | None:
        """Return the archive, opened, or None if the page does not show one of this name. Raises what opening raises."""
        layout = self._layouts.get(slug)
        if layout is None:
            return None
        # One lock per archive: a bucket that cannot be reached must not delay the others.
        async with self._turns[slug]:
            if slug not in self._open:
                ports = await self._stack.enter_async_context(self._opened(layout))
                latest, names = LatestCheckpoint(ports.store, layout), LatestNames(ports.registers)
                self._open[slug] = Archive(layout, ports, latest, names)
        return self._open[slug]

    async def close(self) -> None:
        await self._stack.aclose()
        self._open.clear()
