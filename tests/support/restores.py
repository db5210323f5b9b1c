"""Restores over ports in memory, on the archive of a Scene."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from stablecog_provider.adapters.duckdb_filter import DuckDbFilter
from stablecog_provider.adapters.memory import MemoryObject, MemoryObjectStore
from stablecog_provider.adapters.memory_folder import MemoryFolder
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.parquet_registers import ParquetRegisters
from stablecog_provider.archive.reports.restore import RestoreReport
from stablecog_provider.archive.restore import RestoreSettings, restore
from stablecog_provider.archive.restoring.ports import Bucket, Folder, RestorePorts
from stablecog_provider.model.object_keys import Layout
from support.scene import LAYOUT, Scene, no_sleep
from support.worlds import a_world

ELSEWHERE = Layout("other", "copy")


class OneThumbnail:
    """Port `Thumbnails`: the same for every image."""

    async def of(self, body: bytes) -> bytes | None:
        return b"small"


@dataclass
class Restores:
    """Restores of a scene's archive. `folder`: where to; `elsewhere`: the store of the other archive."""

    scene: Scene
    folder: MemoryFolder = field(default_factory=MemoryFolder)
    elsewhere: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    opened: list[str | None] = field(default_factory=list)

    def ports(self) -> RestorePorts:
        @asynccontextmanager
        async def open_folder(path: str | None) -> AsyncIterator[Folder]:
            self.opened.append(path)
            yield self.folder

        @asynccontextmanager
        async def open_bucket(place: Layout) -> AsyncIterator[Bucket]:
            yield Bucket(self.elsewhere, ParquetManifest(self.elsewhere, place, sleep=no_sleep))

        return RestorePorts(
            store=self.scene.store,
            manifest=ParquetManifest(self.scene.store, LAYOUT, sleep=no_sleep),
            images=self.scene.images,
            clock=self.scene.our_clock,
            filter=DuckDbFilter,
            folder=open_folder,
            free=lambda _: 10**12,
            bucket=open_bucket,
            thumbnails=OneThumbnail,
            registers=ParquetRegisters(self.scene.store, LAYOUT, sleep=no_sleep),
            sleep=no_sleep,
        )

    async def to_folder(self, **settings: object) -> RestoreReport:
        return await restore(self.ports(), RestoreSettings(LAYOUT, "folder", **settings))  # type: ignore[arg-type]

    async def into(self, place: Layout = ELSEWHERE, **settings: object) -> RestoreReport:
        return await restore(self.ports(), RestoreSettings(LAYOUT, into=place, **settings))  # type: ignore[arg-type]

    async def drill(self, **settings: object) -> RestoreReport:
        return await restore(self.ports(), RestoreSettings(LAYOUT, drill=True, **settings))  # type: ignore[arg-type]

    def images(self) -> dict[str, bytes]:
        """The archived images by key."""
        objects = self.scene.store.objects
        return {key: item.body for key, item in objects.items() if key.startswith(LAYOUT.images)}

    def spoil(self, key: str, change: Callable[[bytes], bytes]) -> None:
        found = self.scene.store.objects[key]
        self.scene.store.objects[key] = MemoryObject(change(found.body), "spoilt", found.content_type, found.metadata)


async def restores(outputs: int = 40, days: int = 3) -> Restores:
    """An archived account, to be restored."""
    scene = Scene(a_world(outputs, days=days, future=0), sleep=no_sleep)
    for output in scene.simulated.visible()[::5]:
        scene.simulated.upscale(output.id, scene.clock.now())
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).proven
    return Restores(scene)
