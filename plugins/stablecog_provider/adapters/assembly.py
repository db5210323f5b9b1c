"""From plain settings to the ports that a use case needs. An adapter is imported when it is opened, and the image client with the
first image: `status` needs neither, an idle run one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..archive.forgetting.ports import ForgetPorts
from ..archive.naming.ports import Naming
from ..archive.ports import BucketPorts, ImageBody, Ports, StoredObjects
from ..archive.restoring.ports import Bucket, Folder, RestorePorts, Thumbnails
from ..archive.row_filter import RowFilter
from ..errors import ConfigurationError
from ..model.object_keys import Layout
from .network.network import Network
from .process_exit import SECONDS_FOR_THREADS
from .settings import DEFAULT_ADDRESS, REQUESTS_PER_SECOND, SourceSettings, StoreSettings

if TYPE_CHECKING:
    import boto3

    from .image_http import HttpImages
    from .stablecog_api import StablecogApi
    from .stored_objects import S3StoredObjects

B = TypeVar("B", bound="S3StoredObjects")

__all__ = [
    "OpenArchive",
    "SourceSettings",
    "StoreSettings",
    "open_archive",
    "open_bucket",
    "open_erasable",
    "open_ports",
    "open_restore_ports",
    "open_source",
    "open_store",
]


def open_source(settings: SourceSettings) -> StablecogApi:
    """Return the API's client, an async context manager. Raises ConfigurationError."""
    from .stablecog_api import StablecogApi

    return StablecogApi(
        settings.address,
        settings.api_key,
        requests_per_second=settings.requests_per_second,
        attempts=settings.attempts,
        waits_here=settings.waits_here,
        plain_http_hosts=settings.image_hosts,
        headers=settings.headers,
        network=Network.of(os.environ),
    )


@asynccontextmanager
async def open_store(settings: StoreSettings, layout: Layout) -> AsyncIterator[StoredObjects]:
    """Open the bucket of `layout`. Raises ConfigurationError."""
    from .stored_objects import S3StoredObjects

    store = _bucket(S3StoredObjects, settings, layout)
    try:
        yield store
    finally:
        store.close()


def _bucket(kind: type[B], settings: StoreSettings, layout: Layout) -> B:
    from .network.store_network import aws_network, store_network

    services = aws_network(Network.of(os.environ), settings.session)
    return kind(
        layout.bucket,
        session=settings.session,
        endpoint_url=settings.endpoint_url,
        region=settings.region,
        config=settings.config,
        network=store_network(services, settings.verify),
        services=services,
    )


@asynccontextmanager
async def open_ports(source: SourceSettings, store: StoreSettings, layout: Layout) -> AsyncIterator[Ports]:
    """Open all that a run needs, until the block ends. Raises ConfigurationError."""
    from .allowed_hosts import AllowedHosts
    from .memory import SystemClock
    from .parquet_manifest import ParquetManifest
    from .parquet_registers import ParquetRegisters

    network = Network.of(os.environ)
    for scheme, host, port in AllowedHosts.of(source.image_hosts).places():
        network.proxies.choose(scheme, host, port)
    async with (
        open_source(source) as api,
        AsyncExitStack() as opened_later,
        open_store(store, layout) as bucket,
    ):
        yield Ports(
            source=api,
            images=_ImagesOnDemand(source.image_hosts, network, opened_later),
            store=bucket,
            manifest=ParquetManifest(bucket, layout),
            clock=SystemClock(),
            naming=Naming(api, ParquetRegisters(bucket, layout)),
        )


@asynccontextmanager
async def open_bucket(
    store: StoreSettings, layout: Layout, image_hosts: Sequence[str] = ()
) -> AsyncIterator[BucketPorts]:
    """Open what a use case needs that does not ask the API: no key. `image_hosts`: as in `SourceSettings`. Raises
    ConfigurationError.
    """
    from .allowed_hosts import AllowedHosts
    from .memory import SystemClock
    from .parquet_manifest import ParquetManifest

    network = Network.of(os.environ)
    for scheme, host, port in AllowedHosts.of(image_hosts).places():
        network.proxies.choose(scheme, host, port)
    async with AsyncExitStack() as opened_later, open_store(store, layout) as bucket:
        yield BucketPorts(
            images=_ImagesOnDemand(image_hosts, network, opened_later),
            store=bucket,
            manifest=ParquetManifest(bucket, layout),
            clock=SystemClock(),
        )


@asynccontextmanager
async def open_restore_ports(
    store: StoreSettings, layout: Layout, image_hosts: Sequence[str] = ()
) -> AsyncIterator[RestorePorts]:
    """Open all that a restore needs, until the block ends. Another archive is opened with the same settings. Raises
    ConfigurationError.
    """
    from .memory import SystemClock
    from .parquet_manifest import ParquetManifest
    from .parquet_registers import ParquetRegisters

    @asynccontextmanager
    async def open_bucket(place: Layout) -> AsyncIterator[Bucket]:
        async with open_store(store, place) as other:
            yield Bucket(other, ParquetManifest(other, place))

    async with AsyncExitStack() as opened_later, open_store(store, layout) as bucket:
        yield RestorePorts(
            store=bucket,
            manifest=ParquetManifest(bucket, layout),
            images=_ImagesOnDemand(image_hosts, Network.of(os.environ), opened_later),
            clock=SystemClock(),
            filter=row_filter,
            folder=_folder,
            free=_free_bytes,
            bucket=open_bucket,
            thumbnails=_thumbnails,
            registers=ParquetRegisters(bucket, layout),
        )


def row_filter(expression: str) -> RowFilter:
    """Return the condition. Raises ConfigurationError if it cannot be used, or if DuckDB is not installed."""
    with _of_extra("--where", "duckdb"):
        from .duckdb_filter import DuckDbFilter
    return DuckDbFilter(expression)


def _thumbnails() -> Thumbnails:
    with _of_extra("--contact-sheet", "PIL"):
        from .pillow_thumbnails import PillowThumbnails
    return PillowThumbnails()


def _folder(path: str | None) -> AbstractAsyncContextManager[Folder]:
    from .local_folder import open_folder

    return open_folder(path)


def _free_bytes(path: str) -> int | None:
    from .local_folder import free_bytes

    return free_bytes(path)


@contextmanager
def _of_extra(option: str, package: str) -> Iterator[None]:
    """Raise ConfigurationError if the block cannot import a package of the extra `restore`."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ConfigurationError(
            f"{option} needs a package that is not installed: {error.name}",
            hint="install it with the extra: pip install 'airflow-provider-stablecog[restore]'",
        ) from None


@asynccontextmanager
async def open_erasable(store: StoreSettings, layout: Layout) -> AsyncIterator[ForgetPorts]:
    """Open what forgetting needs, which nothing else is given. Raises ConfigurationError."""
    from .erasable_objects import S3ErasableObjects
    from .memory import SystemClock
    from .parquet_manifest import ParquetManifest

    bucket = _bucket(S3ErasableObjects, store, layout)
    try:
        yield ForgetPorts(
            store=bucket, manifest=ParquetManifest(bucket, layout), clock=SystemClock(), filter=row_filter
        )
    finally:
        bucket.close()


class OpenArchive(NamedTuple):
    """An archive that is open for use. Unpacks to `ports, layout`.

    - `ports`: what a use case reads and writes through: source, image hosts, store, manifest, clock.
    - `layout`: the bucket and the prefix, for the settings of a use case.
    """

    ports: Ports
    layout: Layout


@asynccontextmanager
async def open_archive(
    to: str | Layout,
    *,
    api_key: str,
    address: str = DEFAULT_ADDRESS,
    image_hosts: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    requests_per_second: float = REQUESTS_PER_SECOND,
    session: boto3.Session | None = None,
    endpoint_url: str | None = None,
    region: str | None = None,
) -> AsyncIterator[OpenArchive]:
    """Open an archive for a use case. An async context manager; everything is closed when the block ends.

    - `to`: `s3://bucket/prefix`. The archive need not exist yet: the first run creates it.
    - `api_key`: the account's API key.
    - `address`, `image_hosts`, `requests_per_second`: see SourceSettings.
    - `headers`: what a gateway in front of the API wants, by name. The values are secrets, and are sent to `address` alone.
    - `session`, `endpoint_url`, `region`: see StoreSettings. None: boto3's own environment variables, profiles and roles.

    Raises ConfigurationError if a value cannot be used. Makes no request.
    """
    import boto3

    source = SourceSettings(
        address=address,
        api_key=api_key,
        image_hosts=tuple(image_hosts),
        headers=tuple((headers or {}).items()),
        requests_per_second=requests_per_second,
    )
    store = StoreSettings(session=session or boto3.Session(), endpoint_url=endpoint_url, region=region)
    layout = _layout(to)
    try:
        async with open_ports(source, store, layout) as ports:
            yield OpenArchive(ports, layout)
    finally:
        # A library sets nothing for the whole process, so the wait of `process_exit` is here.
        await asyncio.sleep(SECONDS_FOR_THREADS)


def _layout(to: str | Layout) -> Layout:
    try:
        return to if isinstance(to, Layout) else Layout.parse(to)
    except ValueError as error:
        raise ConfigurationError(str(error), hint="write the address as s3://bucket/prefix") from None


class _ImagesOnDemand:
    """An ImageSource that imports and opens the image client with the first image."""

    def __init__(self, allowed_hosts: Sequence[str], network: Network, opened_later: AsyncExitStack) -> None:
        self._allowed_hosts, self._network, self._opened_later = allowed_hosts, network, opened_later
        self._client: HttpImages | None = None

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        if self._client is None:
            from .image_http import HttpImages

            client = HttpImages(self._allowed_hosts, network=self._network)
            self._client = await self._opened_later.enter_async_context(client)
        async with self._client.open(url) as body:
            yield body
