"""Image addresses are requested byte for byte as the source and its redirects spell them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from dev.local.forward_proxy import forward_proxy
from dev.local.s3_server import HOST
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.network.exact_url import exact_redirect, exact_url
from stablecog_provider.adapters.network.network import Network

SPELLINGS = [
    "/a%2Fb/c%3Dd%40e%27f%7Eg", "/%c3%A9.jpeg", "/a+b%2Bc%20d", "/x?sig=a%2Fb%3d+%20&b=%7e", "/a//b/./c/../d", "/a;b=c,d",
    "/x?a=b?c=/d", "/100%", "/a'b(c)!*:@", "/x?q=[1]{2}|^`\"<>", "/x?", "/",
]  # fmt: skip


@asynccontextmanager
async def recorder(location: str = "") -> AsyncIterator[tuple[list[str], int]]:
    """A server that notes the targets of requests as bytes on the wire; `location`: where the first is redirected."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode("latin-1").split("\r\n")[0].split(" ")[1])
        redirects = (
            f"302 Found\r\nLocation: {location.replace('{base}', base)}" if location and len(asked) == 1 else "200 OK"
        )
        writer.write(f"HTTP/1.1 {redirects}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode("latin-1"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    base = f"http://{HOST}:{port}"
    try:
        yield asked, port
    finally:
        server.close()


async def get(url: str, host: str, network: Network = Network()) -> None:  # noqa: B008 (a frozen value)
    async with HttpImages([host], network=network) as images, images.open(url):
        pass


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_on_the_wire(spelling: str) -> None:
    async with recorder() as (asked, port):
        await get(f"http://{HOST}:{port}{spelling}#fragment", f"{HOST}:{port}")
    assert asked == [spelling.removesuffix("?")]


@pytest.mark.parametrize("spelling", [each for each in SPELLINGS if "/../" not in each and each != "/x?"])
@pytest.mark.parametrize("relative", [True, False])
async def test_a_redirect_on_the_wire(spelling: str, relative: bool) -> None:
    async with recorder("{base}" + spelling if not relative else spelling) as (asked, port):
        await get(f"http://{HOST}:{port}/first", f"{HOST}:{port}")
    assert asked == ["/first", spelling]


async def test_through_a_proxy() -> None:
    async with recorder() as (asked, port), forward_proxy({"images.test": port}) as proxy:
        network = Network.of({"HTTP_PROXY": f"http://{proxy.address}"})
        await get("http://images.test/a%2Fb?s=%3d+%20", "images.test", network)
    assert asked == ["/a%2Fb?s=%3d+%20"]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("http://h.test/a b", "/a%20b"),
        ("http://h.test/é", "/%C3%A9"),
        ("http://h.test/a\tb\r\nHost: evil", "/a%09b%0D%0AHost:%20evil"),
        ("http://h.test", "/"),
        ("http://h.test?q=1", "/?q=1"),
        ("http://h.test/\udce9", "/%E9"),
    ],
)
def test_only_what_cannot_be_in_a_request_line_is_encoded(text: str, sent: str) -> None:
    assert exact_url(text).raw_path_qs == sent


@pytest.mark.parametrize(
    "text", ["http://H.test/x", "http://h.test:80/x", "http://[::1]:8080/x", "http://bücher.test/x"]
)
def test_the_host_is_read_as_before(text: str) -> None:
    found, usual = exact_url(text), URL(text)
    assert (found.scheme, found.raw_host, found.port) == (usual.scheme, usual.raw_host, usual.port)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b%2Fc?d=%7e", "http://h.test/b%2Fc?d=%7e"),
        ("c%2Fd", "http://h.test/a/c%2Fd"),
        ("//other.test/e%3D", "http://other.test/e%3D"),
        ("https://other.test/f%27", "https://other.test/f%27"),
        ("", "http://h.test/a/b"),
    ],
)
def test_where_a_redirect_leads(location: str, target: str) -> None:
    assert str(exact_redirect(exact_url("http://h.test/a/b"), location)) == target
