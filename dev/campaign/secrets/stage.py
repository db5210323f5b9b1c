"""The stage for secrets: an account, an image host and an S3 server that fail on cue or repeat the request in errors."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.simulator.faults import Fault, Manner
from stablecog_provider.simulator.world import DEFAULT_KEY

from ...local.s3_server import S3Server
from ..rig.canaries import (
    API_KEY,
    AWS_ID,
    AWS_SECRET,
    GATEWAY,
    GATEWAY_HEADERS,
    INIT_SIGNATURE,
    PASSWORD,
    SESSION_TOKEN,
    SIGNATURE,
)
from ..rig.listeners import HOST, served
from ..rig.lying_service import LyingSimulator, quiet_world
from .gateways import GATEWAYS

BUCKET = "archive"
OUTPUTS = 6


@dataclass(frozen=True, slots=True)
class Scenario:
    """What fails in a run.

    `api`, `image`: permanent faults of the simulator. `source`, `store`: `works`, `echoes` (an error that repeats the
    request), `no tls`, `resets`, `denies`, or an address; `source` may also be one of `GATEWAYS`. `arguments`: further
    arguments of the command.
    """

    name: str
    source: str = "works"
    store: str = "works"
    api: Fault | None = None
    image: Fault | None = None
    arguments: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    secret_headers: object = GATEWAY_HEADERS
    """The extra of the connection in Airflow."""


@dataclass(slots=True)
class Stage:
    simulator: LyingSimulator
    server: S3Server
    sources: dict[str, str]
    stores: dict[str, str]

    def prepare(self, scenario: Scenario) -> None:
        self.simulator.faults.clear()
        if scenario.api:
            self.simulator.faults.on_api(scenario.api)
        if scenario.image:
            self.simulator.faults.on_image(self.simulator.faults.any_image, scenario.image)

    def source_of(self, scenario: Scenario) -> str:
        return self.sources.get(scenario.source, scenario.source)

    def store_of(self, scenario: Scenario) -> str:
        return self.stores.get(scenario.store, scenario.store)

    @property
    def image_host(self) -> str:
        return self.simulator.address.removeprefix("http://")

    async def kept(self, prefix: str) -> bytes:
        """Return every object below the prefix, and the rows of the manifest as text, because Parquet is compressed."""
        store = S3ObjectStore(BUCKET, session=self.server.session(), endpoint_url=self.server.endpoint)
        pieces: list[bytes] = []
        async for listed in store.list(f"{prefix}/"):
            found = await store.get(listed.key)
            pieces += [listed.key.encode(), found.body if found else b""]
        manifest = ParquetManifest(store, Layout(BUCKET, prefix))
        for day in await manifest.days():
            pieces += [repr(row).encode() for row in (await manifest.load(day)).rows()]
        return b"\n".join(pieces)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child: ours without AWS and proxy settings, plus the canaries."""
    ours = {name: value for name, value in os.environ.items() if not name.upper().startswith(("AWS_", "HTTP", "ALL_"))}
    return {
        **ours,
        "STABLECOG_API_KEY": API_KEY,
        "STABLECOG_SOURCE_HEADERS": GATEWAY_HEADERS,
        "AWS_ACCESS_KEY_ID": AWS_ID,
        "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
        "AWS_SESSION_TOKEN": SESSION_TOKEN,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


def _spoil(document: dict[str, Any]) -> None:
    """Sign the image address of every output, and that of its init image."""
    for output in document["outputs"]:
        output["image_url"] += f"?X-Amz-Signature={SIGNATURE}"
        output["generation"]["init_image_url"] = f"https://b.stablecog.com/init.jpeg?X-Amz-Signature={INIT_SIGNATURE}"
        output["user_note"] = f"see https://b.stablecog.com/x?sig={SIGNATURE}"


async def _echo(head: str, writer: asyncio.StreamWriter) -> None:
    """403 for a wrong signature, as S3 words it: the response repeats the request, including the token."""
    body = f"""<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated
does not match the signature you provided.</Message><AWSAccessKeyId>{AWS_ID}</AWSAccessKeyId>
<CanonicalRequest>{head}</CanonicalRequest></Error>""".encode()
    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\n")
    writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


async def _echo_json(head: str, writer: asyncio.StreamWriter) -> None:
    """400, repeating the request as some proxies do."""
    body = f'{{"error": {head!r}}}'.replace("'", '"').encode()
    writer.write(f"HTTP/1.1 400 Bad\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


async def _deny(_: str, writer: asyncio.StreamWriter) -> None:
    body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    writer.write(f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


async def _reset(_: str, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    world = quiet_world(OUTPUTS)
    world.accounts[API_KEY] = world.accounts[DEFAULT_KEY]
    moto = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    moto.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(moto.stop)
        server = S3Server(f"http://{HOST}:{moto.get_host_and_port()[1]}", AWS_ID, AWS_SECRET)
        await asyncio.to_thread(server.client().create_bucket, Bucket=BUCKET)
        simulator = await stack.enter_async_context(LyingSimulator(world, _spoil))
        scripts = {"echoes": _echo, "denies": _deny, "resets": _reset, **GATEWAYS}
        ports = {name: await stack.enter_async_context(served(script)) for name, script in scripts.items()}
        bad = await stack.enter_async_context(served(_echo_json))
        stores = {name: f"http://{HOST}:{port}" for name, port in ports.items()}
        stores |= {"works": server.endpoint, "no tls": f"https://{HOST}:{ports['denies']}"}
        sources = {"works": simulator.address, "no tls": f"https://{HOST}:{bad}", "echoes": f"http://{HOST}:{bad}"}
        sources |= {name: stores[name] for name in ("resets", *GATEWAYS)}
        yield Stage(simulator, server, sources, stores)


def always(**fault: Any) -> Fault:
    return Fault(times=None, **fault)


def scenarios(home: Path) -> list[Scenario]:
    """Return all scenarios of the command line. `home`: the folder with the broken profile file."""
    userinfo, header = f"user:{PASSWORD}@{HOST}", f"X-Gateway-Key: {GATEWAY}"
    return [
        Scenario("all is well"),
        Scenario("a wrong command", arguments=("--lookback", "x")),
        Scenario("401", api=always(status=401)),
        Scenario("403", api=always(status=403)),
        Scenario("a page that is something else", api=always(manner=Manner.GARBLED)),
        Scenario("an error that repeats the request", source="echoes"),
        Scenario("images that fail", image=always(status=403)),
        Scenario("images that break off", image=Fault(Manner.DROPPED, times=3)),
        Scenario("a source that resets", source="resets", arguments=("--debug",)),
        Scenario("a source without TLS", source="no tls", arguments=("--debug",)),
        Scenario("a store that repeats the request", store="echoes"),
        Scenario("a store that denies", store="denies"),
        Scenario("a store that resets", store="resets"),
        Scenario("a store without TLS", store="no tls"),
        Scenario("a password in the source's address", source=f"http://{userinfo}"),
        Scenario("a password in the store's address", store=f"http://{userinfo}"),
        Scenario("a password alone in the store's address", store=f"http://:{PASSWORD}@{HOST}"),
        Scenario("a password in an image host", arguments=("--image-host", userinfo)),
        Scenario("a password in a proxy", environ=(("HTTP_PROXY", f"http://{userinfo}:9"),)),
        *(Scenario(f"a gateway that {name}", source=name) for name in GATEWAYS),
        Scenario("a gateway's header without a colon", environ=(("STABLECOG_SOURCE_HEADERS", GATEWAY),)),
        Scenario(
            "a gateway's header with the secret first", environ=(("STABLECOG_SOURCE_HEADERS", f"{GATEWAY}: Key"),)
        ),
        Scenario("a gateway's header twice", environ=(("STABLECOG_SOURCE_HEADERS", f"{header}\n{header}"),)),
        Scenario("a gateway's header that is typed", arguments=("--source-header", header)),
        Scenario("a gateway's header that is typed without a colon", arguments=(f"--source-header={GATEWAY}",)),
        Scenario("a gateway's header behind a misspelt option", arguments=("--source-headers", header)),
        Scenario("a gateway's header without its option", arguments=(header,)),
        Scenario("a broken profile file", environ=(("AWS_CONFIG_FILE", str(home / "config")), ("AWS_PROFILE", "none"))),
    ]
