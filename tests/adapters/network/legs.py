"""One request on each leg, to a host behind a proxy: API, images, objects, a listing by boto3, and credentials of a role."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import boto3
from aiohttp import web

from adapters.conftest import NO_RETRIES, http_server, no_sleep
from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.adapters.network.store_network import aws_network, route_credential_services
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.model.page import PageQuery
from support.aws_services import assumed

LEGS = ("api", "images", "store", "listing", "sts")
HOSTS = {
    "api": "api.corp.test", "images": "images.corp.test", "store": "s3.corp.test", "listing": "s3.corp.test",
    "sts": "sts.corp.test",
}  # fmt: skip
NAMES = tuple(dict.fromkeys(HOSTS.values()))
BODY = tiny_jpeg(b"behind a proxy")
LISTING = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


async def answer(request: web.Request) -> web.StreamResponse:
    host = request.host.partition(":")[0]
    if host == HOSTS["api"]:
        return web.json_response({"outputs": []})
    if host == HOSTS["sts"]:
        return assumed()
    if host == HOSTS["store"] and "list-type" in request.query:
        return web.Response(text=LISTING, content_type="application/xml")
    return web.Response(body=BODY, headers={"ETag": '"v"', "Last-Modified": "Sat, 21 Nov 2026 08:00:30 GMT"})


@asynccontextmanager
async def hosts(tls: ssl.SSLContext | None) -> AsyncIterator[Mapping[str, int]]:
    """Serve all legs' hosts on one port; gives per name that port."""
    async with http_server(answer, tls) as address:
        yield dict.fromkeys(NAMES, int(address.rpartition(":")[2]))


async def ask(leg: str, network: Network, scheme: str = "https") -> None:
    """Send one request on the leg. Raises what the adapter raises."""
    where = f"{scheme}://{HOSTS[leg]}"
    if leg == "api":
        async with StablecogApi(where, "sc-key", attempts=1, network=network) as api:
            await api.page(PageQuery())
    elif leg == "images":
        async with HttpImages([HOSTS[leg]], network=network) as images, images.open(f"{where}/x.jpeg") as body:
            assert b"".join([chunk async for chunk in body.chunks()]) == BODY
    elif leg == "sts":
        await asyncio.to_thread(_assume, where, network)
    else:
        session = boto3.Session("a", "b", region_name="us-east-1")
        network = aws_network(network, session)
        options: dict[str, Any] = {"retries": NO_RETRIES, "sleep": no_sleep}
        store = S3ObjectStore("archive", session=session, endpoint_url=where, network=network, **options)
        if leg == "store":
            assert await store.head("k") is not None
        else:
            assert [page async for page in store._plain.pages("p/", "")] == [[]]


def _assume(where: str, network: Network) -> None:
    session = boto3.Session("a", "b", region_name="us-east-1")
    route_credential_services(session, aws_network(network, session))
    client = session.client("sts", endpoint_url=where)
    assert client.assume_role(RoleArn="arn:aws:iam::123456789012:role/archive", RoleSessionName="archive")[
        "Credentials"
    ]
