"""Measures copying over connections with latency: every response of both ends is delayed by 50 ms, 64 images are in flight.

`python -m dev.bench.latency [--images N] [--milliseconds N] [--at-once N]`. At both ends haproxy delays each request before it
passes it to nginx. An image takes a GET and then a PUT, so no client can copy more than `at once / (2 x latency)` images per
second. The real time of one copy, including haproxy and nginx, is measured first, on the idle machine. Start-up is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import boto3
import httpx
from rich.console import Console
from rich.table import Table

from stablecog_provider.adapters import event_loop
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.process_exit import wait_for_threads_at_exit
from stablecog_provider.archive.copying.outage import host_of
from stablecog_provider.archive.copying.transfer import CopyJob, Transfer
from stablecog_provider.model.object_keys import Layout, Rendition

from ..local.authority import Authority
from ..local.children import started
from .contenders import BUCKET
from .copy import SMALL
from .exit_codes import exit_code
from .ports import HOST, free_port, wait_for
from .results import machine
from .servers import Ends, memory, program, serving

ROUNDS = 3


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dev.bench.latency", description="Copy over a connection with high latency."
    )
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--milliseconds", type=int, default=50, help="delay at each end (50)")
    parser.add_argument("--at-once", type=int, default=64, help="upper limit of images in flight (64)")
    arguments = parser.parse_args()
    return exit_code(lambda: _measure(arguments.images, arguments.milliseconds, arguments.at_once))


def _measure(images: int, milliseconds: int, at_once: int) -> None:
    nominal = at_once / (2 * milliseconds / 1000)
    limits: list[str] = []
    table = Table("scheme", "round", "images/s", "of the limit", "of the nominal limit", "images in flight at the end")
    with tempfile.TemporaryDirectory(prefix="latency-", dir=memory()) as folder, serving(Path(folder)) as ends:
        names = sorted(SMALL.write(ends.images))
        for secure in (False, True):
            with _delayed(Path(folder), ends, milliseconds, secure=secure) as (origin, sink, authority):
                one_copy = _copy_seconds(f"{origin}/{names[0]}", f"{sink}/{BUCKET}/probe", SMALL.mean, authority)
                bound = at_once / one_copy
                limits.append(
                    f"{urlsplit(origin).scheme}: a GET and a PUT take {one_copy * 1000:.1f} ms, "
                    f"so the limit is {bound:.0f} images/s"
                )
                for number in range(ROUNDS):
                    jobs = [(f"{origin}/{names[at % len(names)]}", f"{number}-{at}") for at in range(images)]
                    seconds, limit = event_loop.run(_copied(jobs, sink, at_once, authority))
                    rate = images / seconds
                    table.add_row(
                        urlsplit(origin).scheme,
                        str(number + 1),
                        f"{rate:.0f}",
                        f"{rate / bound:.1%}",
                        f"{rate / nominal:.1%}",
                        str(limit),
                    )
                    ends.empty()
    console = Console(width=110)
    console.print(machine())
    console.print(
        f"{images:,} images of {SMALL.mean // 1000} kB, {milliseconds} ms at each end, at most {at_once} in flight. "
        f"The nominal limit is {nominal:.0f} images/s. {'. '.join(limits)}."
    )
    console.print(table)


def _copy_seconds(origin: str, sink: str, size: int, authority: Path | None) -> float:
    """Return the seconds of a GET and a PUT over open connections, as the median of 20."""
    body, seconds = bytes(size), []
    verify = ssl.create_default_context(cafile=authority) if authority else True
    with httpx.Client(trust_env=False, verify=verify) as client:
        for _ in range(21):
            began = time.perf_counter()
            client.get(origin).raise_for_status()
            client.put(sink, content=body).raise_for_status()
            seconds.append(time.perf_counter() - began)
    return median(seconds[1:])


async def _copied(jobs: list[tuple[str, str]], sink: str, at_once: int, authority: Path | None) -> tuple[float, int]:
    """Copy all and return the seconds, and the limit of images in flight at the end."""
    session = boto3.session.Session("access-key", "secret-key", region_name="us-east-1")
    network = Network.of({"SSL_CERT_FILE": str(authority or "")})
    store = S3ObjectStore(BUCKET, session=session, endpoint_url=sink, network=network)
    async with HttpImages(sorted({urlsplit(url).netloc for url, _ in jobs}), network=network) as images:
        transfer = Transfer(images, store, Layout(BUCKET), concurrency=at_once)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for url, name in jobs:
                group.create_task(transfer.copy(CopyJob(name, Rendition.ORIGINAL, date(2026, 11, 21), url)))
        return time.perf_counter() - began, transfer.lane(host_of(jobs[0][0])).concurrency.limit


@contextmanager
def _delayed(folder: Path, ends: Ends, milliseconds: int, *, secure: bool) -> Iterator[tuple[str, str, Path | None]]:
    """Put both ends behind a haproxy that delays each request, in C and without a thread per request. Raises Missing.

    Yields the two addresses, and for `secure` ones the file of their authority.
    """
    authority = Authority.create(folder, "delayed") if secure else None
    tls = f" ssl crt {authority.server_file(HOST)}" if authority else ""
    haproxy = program("haproxy")
    (folder / "wait.lua").write_text(
        f'core.register_action("wait", {{ "http-req" }}, function(txn) core.msleep({milliseconds}) end)\n'
    )
    ports = {"origin": free_port(), "sink": free_port()}
    places = {"origin": urlsplit(ends.origin).netloc, "sink": urlsplit(ends.sink).netloc}
    (folder / "haproxy.cfg").write_text(
        f"global\n  lua-load {folder / 'wait.lua'}\n  nbthread 1\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        + "".join(
            f"frontend {name}\n  bind {HOST}:{port}{tls}\n  http-request lua.wait\n  default_backend at_{name}\n"
            f"backend at_{name}\n  server {name} {places[name]}\n"
            for name, port in ports.items()
        )
    )
    with started([haproxy, "-db", "-f", str(folder / "haproxy.cfg")], folder / "haproxy.log", {}) as child:
        for port in ports.values():
            wait_for(port, child)
        scheme = "https" if secure else "http"
        place = f"{scheme}://{HOST}"
        yield f"{place}:{ports['origin']}", f"{place}:{ports['sink']}", authority.file if authority else None


if __name__ == "__main__":
    wait_for_threads_at_exit()
    sys.exit(main())
