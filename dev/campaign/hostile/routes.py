"""The vectors on every way to an image host: over TLS, through a proxy by CONNECT or in absolute form, and beside a proxy.

What lies behind a proxy, only the proxy can check. So nothing but an allowed host may be asked of it, whatever an address says.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from stablecog_provider.adapters.network.network import Network

from ...local.authority import Authority
from ...local.forward_proxy import forward_proxy
from ..rig.listeners import HOST, Canary, LyingResolver, served
from ..rig.tally import Tally
from .vector_runs import Chosen
from .vectors import Vector, tricks_with, vectors

IMAGES = "images.corp.test"
_LOGIN = ("user", "secret-of-the-proxy")
_MAY_BE_ASKED = re.compile(rf"CONNECT {IMAGES}:443 |GET http://{IMAGES}/")


@dataclass(frozen=True, slots=True)
class Route:
    """`scheme`: of the allowed host. `proxy`: how the proxy is reached, "" for none. `bypasses`: NO_PROXY has all hosts."""

    name: str
    scheme: str
    proxy: str = ""
    bypasses: bool = False

    def environ(self, authority: Path, proxy: str) -> dict[str, str]:
        place = f"{self.proxy}://{':'.join(_LOGIN)}@{proxy}" if self.proxy else ""
        bypassed = f".stablecog.com,{IMAGES}" if self.bypasses else ""
        return {"HTTP_PROXY": place, "HTTPS_PROXY": place, "NO_PROXY": bypassed, "SSL_CERT_FILE": str(authority)}

    @property
    def is_direct(self) -> bool:
        return self.bypasses or not self.proxy


ROUTES = (
    Route("TLS", "https"),
    Route("CONNECT through an http proxy", "https", "http"),
    Route("CONNECT through an https proxy", "https", "https"),
    Route("absolute form through an http proxy", "http", "http"),
    Route("absolute form through an https proxy", "http", "https"),
    Route("TLS beside a proxy (NO_PROXY)", "https", "http", bypasses=True),
)


class _Names(dict[str, int]):
    """Ports by name, for the proxy: whatever else it is asked for leads to the canary."""

    def __init__(self, names: dict[str, int], canary: int) -> None:
        super().__init__(names)
        self._canary = canary

    def __missing__(self, name: str) -> int:
        return self._canary


async def try_routes(random: Random, size: int) -> Tally:
    """Run `size` vectors on each route, and all if there are no more."""
    tally = Tally("hostile", "SSRF vectors over TLS and proxies")
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority.create(Path(folder))
        for route in ROUTES:
            async with Canary() as canary:
                known = list(_vectors(route, canary.port))
                chosen = Chosen(random.sample(known, min(size, len(known))), canary.port)
                faults = await _run_on(route, chosen, authority, canary)
            tally.tried += len(chosen.vectors)
            tally.leaked += len(canary.received)
            faults += [f"something connected to the canary: {received[:80]!r}" for received in canary.received]
            tally.faults += [f"{route.name}: {fault}" for fault in faults]
    return tally


def _vectors(route: Route, canary: int) -> Iterator[Vector]:
    """Yield the vectors of a route. Behind a proxy, names are resolved by the proxy."""
    yield from (vector for vector in vectors(canary) if route.is_direct or not vector.answers)
    yield from tricks_with(IMAGES, canary)


async def _run_on(route: Route, chosen: Chosen, authority: Authority, canary: Canary) -> list[str]:
    heads: list[str] = []
    answer = chosen.redirecting()

    async def noted(head: str, writer: object) -> None:
        heads.append(head)
        await answer(head, writer)  # type: ignore[arg-type]

    tls = authority.server(IMAGES) if route.scheme == "https" else None
    proxy_tls = authority.server(HOST) if route.proxy == "https" else None
    async with (
        served(noted, tls) as port,
        forward_proxy(_Names({IMAGES: port}, canary.port), proxy_tls, login=_LOGIN) as proxy,
    ):
        answers = {vector.url.split("/")[2]: list(vector.answers) for vector in chosen.vectors if vector.answers}
        resolver = LyingResolver(answers, canary.port, {IMAGES: port}) if route.is_direct else None
        network = Network.of(route.environ(authority.file, proxy.address))
        faults = await chosen.run(
            f"{route.scheme}://{IMAGES}", image_hosts=[IMAGES], resolver=resolver, network=network
        )
    if route.is_direct != (not proxy.asked):
        faults.append(f"the proxy got {len(proxy.asked)} requests")
    faults += [f"the proxy was asked: {line[:100]!a}" for line in proxy.asked if not _MAY_BE_ASKED.match(line)]
    faults += [f"the host got the proxy's login: {head[:200]!a}" for head in heads if "proxy-auth" in head.lower()]
    return faults
