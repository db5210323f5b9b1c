"""The address check at the time of the connection: what libcurl resolved is what is checked, on every connection."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any

import pycurl
import pytest
from aiohttp import web

from adapters.conftest import http_server
from dev.campaign.rig.listeners import Canary, LyingResolver
from dev.local.authority import Authority
from dev.local.forward_proxy import forward_proxy
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.adapters.transport.guard import AddressGuard
from stablecog_provider.errors import ImageRefused, LocalLimit, SourceUnavailable


def opened(guard: AddressGuard, host: str, family: int = socket.AF_INET) -> socket.socket | int:
    return guard.opened(0, (family, socket.SOCK_STREAM, 6, (host, 443)))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_addresses_get_a_socket(address: str) -> None:
    guard = AddressGuard()
    found = opened(guard, address, socket.AF_INET6 if ":" in address else socket.AF_INET)
    assert isinstance(found, socket.socket)
    found.close()
    assert not guard.refused


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1", "fe80::1%eth0"]
)
def test_others_get_none_and_neither_do_those_that_follow(address: str) -> None:
    guard = AddressGuard()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    assert opened(guard, address, family) == pycurl.SOCKET_BAD
    assert opened(guard, "8.8.8.8") == pycurl.SOCKET_BAD
    assert guard.refused


def test_a_socket_of_another_family_is_refused() -> None:
    assert AddressGuard().opened(0, (socket.AF_UNIX, socket.SOCK_STREAM, 0, ["/run/x"])) == pycurl.SOCKET_BAD


async def test_a_limit_of_this_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("stablecog_provider.adapters.transport.guard.socket.socket", full)
    async with HttpImages(resolver=lambda host, port: (["93.184.216.34"], port)) as images:
        with pytest.raises(
            LocalLimit, match=r"cannot fetch https://b\.stablecog\.com/x: .* no file descriptor"
        ) as raised:
            async with images.open("https://b.stablecog.com/x"):
                pass
    assert "ulimit -n" in raised.value.hint


async def test_a_name_that_resolves_differently_the_second_time_is_refused() -> None:
    async with Canary() as canary:
        lying = LyingResolver({"b.stablecog.com": ("10.0.0.1", "127.0.0.1", "::1")}, canary.port)
        async with HttpImages(resolver=lying) as images:
            for _ in range(3):
                with pytest.raises(ImageRefused, match=r"b\.stablecog\.com resolves to an address that is not public"):
                    async with images.open("https://b.stablecog.com/x?sig=geheim"):
                        pass
        assert canary.received == []


async def test_a_named_host_leads_to_the_canary() -> None:
    """Without the guard, the name of the test above would, too."""
    async with Canary() as canary:
        lying = LyingResolver({"b.stablecog.com": ("127.0.0.1",)}, canary.port)
        async with HttpImages(["b.stablecog.com"], resolver=lying) as images:
            with pytest.raises(SourceUnavailable):
                async with images.open("https://b.stablecog.com/x"):
                    pass
        assert canary.received


async def test_a_connection_of_a_named_host_serves_no_other_name() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"x")

    async with http_server(answer) as address:
        port = int(address.rpartition(":")[2])
        lying = LyingResolver({}, port)
        async with HttpImages([f"box.test:{port}"], resolver=lying) as images:
            async with images.open(f"http://box.test:{port}/x") as body:
                assert [chunk async for chunk in body.chunks()] == [b"x"]
            with pytest.raises(ImageRefused, match="not public"):
                async with images.open("https://b.stablecog.com/x"):
                    pass


VECTORS = [
    "127.0.0.1",
    "[::1]",
    "169.254.169.254",
    "10.0.0.1",
    "2130706433",
    "0x7f.1",
    "localhost",
    "metadata.google.internal",
]


@pytest.mark.parametrize("host", VECTORS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_redirect_leads_inside_over_tls_or_a_proxy(scheme: str, host: str, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    async with Canary() as canary:

        async def answer(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": f"{scheme}://{host}:{canary.port}/latest/meta-data/"})

        async with (
            http_server(answer, authority.server("images.corp.test", "127.0.0.1")) as address,
            forward_proxy({"images.corp.test": int(address.rpartition(":")[2])}) as proxy,
        ):
            direct = Network.of({"SSL_CERT_FILE": str(authority.file)})
            behind = Network.of({"SSL_CERT_FILE": str(authority.file), "ALL_PROXY": f"http://{proxy.address}"})
            for network, origin in ((direct, address), (behind, "images.corp.test")):
                async with HttpImages([origin], network=network) as images:
                    with pytest.raises(ImageRefused, match="not on an allowed host"):
                        async with images.open(f"https://{origin}/x"):
                            pass
            assert proxy.hosts() == {"images.corp.test"}
        assert canary.received == []
