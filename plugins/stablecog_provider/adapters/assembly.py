"""Puts the adapters together: from plain settings to the world that the archive's story runs in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import boto3

from ..archive.ports import ObjectStore, Ports
from ..errors import ConfigurationError
from ..model.object_keys import Layout
from .garbage import rarely_collected
from .image_http import HttpImages
from .memory import SystemClock
from .object_store import S3ObjectStore
from .parquet_manifest import ParquetManifest
from .stablecog_api import ATTEMPTS, DEFAULT_ADDRESS, REQUESTS_PER_SECOND, StablecogApi


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """How to reach the account. `image_hosts`: `host` or `host:port`, besides Stablecog's own; over plain http and at
    private addresses too. `attempts`: how often a request is tried. The key is in no repr, nor is an
    address that nobody has checked yet: somebody may have put a password into it.
    """

    address: str = field(default=DEFAULT_ADDRESS, repr=False)
    api_key: str = field(repr=False)
    image_hosts: tuple[str, ...] = ()
    requests_per_second: float = REQUESTS_PER_SECOND
    attempts: int = ATTEMPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """How to reach the bucket. The session stays the owner of the credentials, so that they can refresh in mid-run.
    `endpoint_url`: None for AWS, or for what boto3 is configured with. `verify`: as boto3 spells it.
    """

    session: boto3.Session
    endpoint_url: str | None = field(default=None, repr=False)
    region: str | None = None
    verify: bool | str | None = None


def open_source(settings: SourceSettings) -> StablecogApi:
    """The API, to be entered. Raises ConfigurationError."""
    return StablecogApi(
        settings.address,
        settings.api_key,
        requests_per_second=settings.requests_per_second,
        attempts=settings.attempts,
        plain_http_hosts=settings.image_hosts,
    )


@asynccontextmanager
async def open_store(settings: StoreSettings, layout: Layout) -> AsyncIterator[ObjectStore]:
    """The bucket of `layout`. Raises ConfigurationError."""
    if settings.verify not in (None, True):
        # Rather an error than a setting that looks as if it were heeded.
        raise ConfigurationError(
            "the store's certificate is always checked, against the certificates that this machine trusts",
            hint="take `verify` out of the AWS connection, and let the machine trust the store's authority",
        )
    yield S3ObjectStore(
        layout.bucket, session=settings.session, endpoint_url=settings.endpoint_url, region=settings.region
    )


@asynccontextmanager
async def open_ports(source: SourceSettings, store: StoreSettings, layout: Layout) -> AsyncIterator[Ports]:
    """All that a run needs, open until the block ends. Raises ConfigurationError."""
    async with (
        open_source(source) as api,
        HttpImages(source.image_hosts) as images,
        open_store(store, layout) as bucket,
    ):
        manifest = ParquetManifest(bucket, layout)
        with rarely_collected():
            yield Ports(source=api, images=images, store=bucket, manifest=manifest, clock=SystemClock())
