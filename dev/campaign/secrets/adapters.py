"""The adapters in this process: what their failures carry along in chains of causes, and what the reprs of all settings tell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import boto3

from stablecog_provider.adapters.assembly import SourceSettings, StoreSettings, open_ports
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.source_headers import parse_headers
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.archive.copying.transfer import CopyJob
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.cli.context import CliContext
from stablecog_provider.cli.exits import Redaction, document_of, traceback_of
from stablecog_provider.model.object_keys import Layout, Rendition
from stablecog_provider.model.page import PageQuery

from ..rig.canaries import (
    API_KEY,
    AWS_ID,
    AWS_SECRET,
    GATEWAY_HEADERS,
    PASSWORD,
    SESSION_TOKEN,
    SIGNATURE,
    text_of,
    text_of_all,
)
from ..rig.listeners import HOST
from .stage import BUCKET, Stage, environment

LAYOUT = Layout(BUCKET, "inside")
HEADERS = parse_headers(GATEWAY_HEADERS.splitlines())


async def adapter_output(scene: Stage) -> list[tuple[str, bytes]]:
    """Return all text that each adapter reveals, by name."""
    found = [("reprs", await _reprs(scene))]
    for name, address in scene.sources.items():
        found.append((f"a source that {name}", await _failure(partial(_ask, address))))
    for name, address in scene.stores.items():
        found.append((f"a store that {name}", await _failure(partial(_put, address))))
    for name in ("resets", "no tls", "denies"):
        url = f"{scene.stores[name]}/a.jpeg?X-Amz-Signature={SIGNATURE}"
        found.append((f"an image host that {name}", await _failure(partial(_fetch, url))))
    for wrong in (f"http://u:{PASSWORD}@{HOST}", f"http://:{PASSWORD}@{HOST}", f"http://{HOST}/?{PASSWORD}#{PASSWORD}"):
        found.append(("a source's address", await _failure(partial(_ask, wrong))))
        found.append(("a store's address", await _failure(partial(_put, wrong))))
    return found


async def _failure(action: Callable[[], Awaitable[object]]) -> bytes:
    """Return all text of the exception that an action raises, or "it worked"."""
    try:
        await action()
    except Exception as error:
        hide = Redaction(environment())
        return text_of(error) + traceback_of(error, Redaction({})).encode() + repr(document_of(error, hide)).encode()
    return b"it worked"


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


async def _ask(address: str) -> object:
    async with StablecogApi(address, API_KEY, headers=HEADERS, attempts=2, sleep=_at_once) as source:
        return await source.page(PageQuery(per_page=1))


async def _put(endpoint: str) -> object:
    store = S3ObjectStore(
        BUCKET,
        session=_session(),
        endpoint_url=endpoint,
        retries={"max_retries": 0, "retry_timeout": timedelta(seconds=5)},
    )
    return await store.put("inside/a", b"a", content_type="text/plain")


async def _fetch(url: str) -> object:
    host = url.split("/")[2]
    async with HttpImages([host]) as images, images.open(url) as image:
        return [chunk async for chunk in image.chunks()]


def _session() -> boto3.session.Session:
    return boto3.session.Session(AWS_ID, AWS_SECRET, SESSION_TOKEN, region_name="us-east-1")


async def _reprs(scene: Stage) -> bytes:
    source = SourceSettings(address=f"https://u:{PASSWORD}@{HOST}", api_key=API_KEY, headers=HEADERS)
    store = StoreSettings(session=_session(), endpoint_url=f"http://u:{PASSWORD}@{HOST}")
    good = SourceSettings(
        address=scene.simulator.address, api_key=API_KEY, image_hosts=(scene.image_host,), headers=HEADERS
    )
    job = CopyJob("id", Rendition.ORIGINAL, scene.simulator.world.present.date(), f"https://x.test/a?s={SIGNATURE}")
    things: list[object] = [source, store, good, job, Redaction(environment()), CliContext(environ=environment())]
    settings = StoreSettings(session=_session(), endpoint_url=scene.server.endpoint)
    async with open_ports(good, settings, LAYOUT) as ports:
        things += [ports, ports.source, ports.images, ports.store, ports.manifest, ArchiveSettings(layout=LAYOUT)]
        return text_of_all([*things, scene.simulator])
