"""The page over archives in memory, asked without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

from stablecog_provider.adapters.browsed.disk_previews import preview_folder
from stablecog_provider.adapters.browsed.parquet_pictures import ParquetPictures
from stablecog_provider.adapters.parquet_registers import ParquetRegisters
from stablecog_provider.archive.browsing.picture import File
from stablecog_provider.archive.browsing.ports import BrowsePorts
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.web.app import create_app
from stablecog_provider.web.archives import Archives
from support.scene import LAYOUT, Scene

__all__ = ["BASE", "NoPreviews", "asked", "page_over", "preview_folder"]

BASE = "/archive~stablecog"


class NoPreviews:
    """Port `Previews` that names what it was asked for. `missing`: keys of which there is no preview."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    async def of(self, file: File, key: str, height: int) -> bytes | None:
        return None if key in self.missing else f"{key} {height}".encode()


def ports_of(scene: Scene, previews: NoPreviews | None = None) -> BrowsePorts:
    pictures = ParquetPictures(scene.store, LAYOUT)
    return BrowsePorts(
        scene.store, pictures, previews or NoPreviews(), scene.our_clock, ParquetRegisters(scene.store, LAYOUT)
    )


def page_over(
    *scenes: Scene,
    layouts: tuple[Layout, ...] = (LAYOUT,),
    dags: Iterable[str] = (),
    previews: NoPreviews | None = None,
) -> ASGIApp:
    """The page over the scenes' archives, one per layout."""
    by_layout = dict(zip(layouts, scenes, strict=True))

    @asynccontextmanager
    async def opened(layout: Layout) -> AsyncIterator[BrowsePorts]:
        yield ports_of(by_layout[layout], previews)

    async def allowed(_: Request) -> frozenset[str]:
        return frozenset(dags)

    return create_app(Archives(layouts, opened), allowed=allowed)


async def asked(app: ASGIApp, path: str, **settings: object) -> httpx.Response:
    """The page's answer to a GET, redirects included."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        return await client.get(path, **settings)  # type: ignore[arg-type]
