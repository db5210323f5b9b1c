"""The API behind a gateway: another address, port and path, and a header of its own. The archive goes on as the same account."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from adapters.conftest import http_server
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.memory import FixedClock, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.errors import AnotherAccount, ArchiveError, ConfigurationError, CredentialsRejected
from stablecog_provider.model.page import PageQuery
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY, World
from support.scene import LAYOUT

SECRET = "gateway-5ecret-0815"
HEADERS = (("X-Gateway-Key", SECRET),)
OUTPUTS = 30
PREFIX = "/edge/v2/stablecog"


@dataclass
class Behind:
    """A gateway that wants a header and strips a path, and an image host that notes the headers of each request."""

    simulator: Simulator
    image_place: str = ""
    at_image_host: list[dict[str, str]] = field(default_factory=list)

    async def gateway(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-Gateway-Key") != SECRET:
            return web.Response(
                status=403, text=f"<html>no entry without X-Gateway-Key, {dict(request.headers)}</html>"
            )
        if not request.path.startswith(f"{PREFIX}/"):
            return web.Response(status=404, text="no such route")
        return await self._forwarded(request, request.path_qs.removeprefix(PREFIX))

    async def image_host(self, request: web.Request) -> web.StreamResponse:
        self.at_image_host.append(dict(request.headers))
        return await self._forwarded(request, request.path_qs)

    async def _forwarded(self, request: web.Request, path: str) -> web.Response:
        headers = {name: request.headers[name] for name in ("Authorization", "Accept") if name in request.headers}
        url = self.simulator.address + path
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            kept = {name: answer.headers[name] for name in ("Content-Type", "Date")}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


@asynccontextmanager
async def account(seed: int = 0) -> AsyncIterator[Behind]:
    world = World.generate(outputs=OUTPUTS, days=2, seed=seed)
    clock = SimulatedClock(world.present + timedelta(hours=1))
    async with Simulator(world, clock=clock) as running:
        behind = Behind(running)
        async with http_server(behind.image_host) as place:
            behind.image_place = place
            running.scene.image_address = f"http://{place}"
            yield behind


@asynccontextmanager
async def ports(behind: Behind, address: str, store: MemoryObjectStore, **settings: object) -> AsyncIterator[Ports]:
    async with (
        StablecogApi(address, DEFAULT_KEY, attempts=1, **settings) as api,  # type: ignore[arg-type]
        HttpImages([behind.image_place]) as images,
    ):
        now = FixedClock(behind.simulator.clock.now())
        yield Ports(source=api, images=images, store=store, manifest=ParquetManifest(store, LAYOUT), clock=now)


async def run(behind: Behind, address: str, store: MemoryObjectStore, **settings: object) -> RunReport:
    async with ports(behind, address, store, **settings) as opened:
        return await archive(opened, ArchiveSettings(layout=LAYOUT))


async def test_the_archive_goes_on_behind_a_gateway_and_back_with_one_line_in_the_report() -> None:
    store = MemoryObjectStore()
    async with account() as behind, http_server(behind.gateway) as place:
        direct, gateway = behind.simulator.address, f"http://{place}{PREFIX}"
        first = await run(behind, direct, store)
        assert (first.exit_code, first.copied >= OUTPUTS) == (0, True)
        second = await run(behind, f"{gateway}/", store, headers=HEADERS)
        moved = f"The API's address changed from {direct} to {gateway}."
        assert [line for line in second.explain() if "address" in line] == [moved]
        assert (second.exit_code, second.copied, second.new) == (0, 0, 0)
        third = await run(behind, gateway, store, headers=HEADERS)
        assert [line for line in third.explain() if "address" in line] == []
        assert (await run(behind, direct, store)).exit_code == 0
    assert not [body for body in store.objects.values() if SECRET.encode() in body.body]


async def test_a_first_run_and_a_rebuild_work_behind_the_gateway() -> None:
    store = MemoryObjectStore()
    async with account() as behind, http_server(behind.gateway) as place:
        gateway = f"http://{place}{PREFIX}"
        assert (await run(behind, gateway, store, headers=HEADERS)).exit_code == 0
        del store.objects[LAYOUT.checkpoint]
        async with ports(behind, gateway, store, headers=HEADERS) as opened:
            await rebuild(opened, RebuildSettings(layout=LAYOUT))
        assert (await run(behind, gateway, store, headers=HEADERS)).exit_code == 0


async def test_another_account_behind_the_gateway_is_refused_as_ever() -> None:
    store = MemoryObjectStore()
    async with account() as behind:
        await run(behind, behind.simulator.address, store)
    async with account(seed=7) as other, http_server(other.gateway) as place:
        with pytest.raises(AnotherAccount):
            await run(other, f"http://{place}{PREFIX}", store, headers=HEADERS)


async def test_image_hosts_never_get_the_header() -> None:
    async with account() as behind, http_server(behind.gateway) as place:
        await run(behind, f"http://{place}{PREFIX}", MemoryObjectStore(), headers=HEADERS)
    assert len(behind.at_image_host) >= OUTPUTS
    assert not [seen for seen in behind.at_image_host if "X-Gateway-Key" in seen or "Authorization" in seen]


async def refused(address: str, **settings: object) -> ArchiveError:
    async with StablecogApi(address, DEFAULT_KEY, attempts=1, **settings) as api:  # type: ignore[arg-type]
        with pytest.raises(ArchiveError) as caught:
            await api.page(PageQuery())
    assert SECRET not in str(caught.value) + repr(caught.value) + repr(api)
    return caught.value


async def test_without_the_header_the_message_names_the_setting() -> None:
    async with account() as behind, http_server(behind.gateway) as place:
        error = await refused(f"http://{place}{PREFIX}")
        assert isinstance(error, CredentialsRejected)
        assert "STABLECOG_SOURCE_HEADERS" in error.hint
        assert "`secret_headers`" in error.hint
        wrong = await refused(f"http://{place}{PREFIX}", headers=(("X-Gateway-Key", "another-value"),))
        assert "another-value" not in str(wrong)


async def test_without_the_prefix_the_message_speaks_of_it() -> None:
    async with account() as behind, http_server(behind.gateway) as place:
        error = await refused(f"http://{place}", headers=HEADERS)
        assert isinstance(error, ConfigurationError)
        assert "path prefix" in error.hint


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed_and_gets_nothing(status: int) -> None:
    elsewhere: list[str] = []

    async def other(request: web.Request) -> web.StreamResponse:
        elsewhere.append(request.path)
        return web.json_response({"outputs": []})

    async with http_server(other) as target:

        async def login_page(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": f"http://{target}/login"})

        async with http_server(login_page) as place:
            error = await refused(f"http://{place}", headers=HEADERS)
    assert isinstance(error, ConfigurationError)
    assert elsewhere == []


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_a_gateway_that_quotes_the_header_does_not_leak_it(status: int) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        token = request.headers["X-Gateway-Key"]
        return web.json_response({"error": f"bad {token} ({token.split()[-1]})"}, status=status)

    async with http_server(echo) as place:
        error = await refused(f"http://{place}", headers=(("X-Gateway-Key", f"Bearer {SECRET}"),))
    assert "bad *** (***)" in str(error)


async def test_a_gateway_that_repeats_the_header_in_another_place_does_not_leak_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        token = request.headers["X-Gateway-Key"]
        return web.Response(text="<html>", headers={"Content-Type": f"text/html; for={token}", "X-Request": token})

    caplog.set_level(logging.DEBUG)
    async with http_server(echo) as place:
        error = await refused(f"http://{place}", headers=HEADERS)
    assert "text/html; for=***" in str(error)
    assert SECRET not in caplog.text


async def test_no_part_of_the_header_is_left_where_a_message_is_cut_off() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"no{' ' * 1990}{request.headers['X-Gateway-Key']}", status=502)

    async with http_server(echo) as place:
        error = await refused(f"http://{place}", headers=HEADERS)
    assert SECRET[:6] not in str(error)
