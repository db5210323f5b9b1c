"""Measures the archive's page with a million rows over three years, on a real S3 server (SeaweedFS).

`python -m dev.bench.page [--rows N] [--rounds N]`. The page is `stablecog-archive browse` as a whole process, asked over HTTP.
Beside it, `rclone serve http` shows the pictures of one day in the same bucket. Without rclone, its rows are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.model.object_keys import Layout

from ..local.children import started
from ..local.s3_server import S3Server, seaweedfs
from . import page_archive, page_peer
from .exit_codes import exit_code, log
from .page_archive import DAYS, NEWEST, RARE, SUBJECTS
from .ports import HOST, free_port
from .process_usage import RunFailed
from .results import machine

LAYOUT = Layout("archive", "stablecog")
PAGE = f"/{LAYOUT.bucket}~{LAYOUT.prefix}"
IMAGES = 60
CLIENTS, REQUESTS = 20, 1000
READY_SECONDS = 60.0
AIMS = {
    "overview, p95": 150.0,
    "gallery, warm, p95": 300.0,
    "gallery, cold, p95": 1500.0,
    "search for a frequent word, first results": 2000.0,
    "search for a word of one picture, found": 2000.0,
    "jump two years back": 1000.0,
    "first thumbnail": 500.0,
    "50 thumbnails": 1000.0,
}
"""Milliseconds."""
MOST_MEMORY = 400.0
"""MB, after all requests."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.bench.page", description="Measure the archive's page.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40, help="requests of each kind (40)")
    arguments = parser.parse_args()
    return exit_code(lambda: _measure(arguments.rows, arguments.rounds))


def _measure(rows: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="page-benchmark-") as folder:
        root = Path(folder)
        with seaweedfs(root / "data", bucket=LAYOUT.bucket) as server:
            began = time.perf_counter()
            store = S3ObjectStore(LAYOUT.bucket, session=server.session(), endpoint_url=server.endpoint)
            asyncio.run(page_archive.write(store, LAYOUT, rows, IMAGES))
            log(f"{rows:,} rows written in {time.perf_counter() - began:.0f} s")
            found, memory = _ours(server, root, rounds)
            peer = page_peer.measured(server, LAYOUT, root, rounds)
    _print(rows, found, memory, peer)


def _ours(server: S3Server, root: Path, rounds: int) -> tuple[dict[str, float], float]:
    """The milliseconds by question, and the megabytes of the process at the end."""
    port, output = free_port(), root / "page.log"
    command = [sys.executable, "-c", "from stablecog_provider.cli import script; script()", "browse"]
    command += ["--from", str(LAYOUT), "--endpoint-url", server.endpoint, "--port", str(port), "--no-open"]
    environ = {
        **os.environ, "AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "STABLECOG_PREVIEWS": str(root / "previews"),
    }  # fmt: skip
    with started(command, output, environ) as child:
        address = _address(output, child.poll)
        measured = asyncio.run(_asked(address, f"http://{HOST}:{port}{PAGE}", rounds))
        memory = psutil.Process(child.pid).memory_info().rss / 1e6
    return measured, memory


def _address(output: Path, ended: Callable[[], int | None]) -> str:
    """Return what the page printed, with its token, once it answers."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and ended() is None:
        if found := re.search(r"http://\S+token=\S+", output.read_text(errors="replace")):
            try:
                httpx.get(found[0].partition("?")[0], trust_env=False)
            except httpx.TransportError:
                pass
            else:
                return found[0]
        time.sleep(0.1)
    raise RunFailed(f"the page does not answer: {output.read_text(errors='replace')[-300:]}")


class Visitor:
    """Asks the page, whose archive is at `page`. Each question returns the milliseconds until the whole answer was there."""

    def __init__(self, client: httpx.AsyncClient, page: str) -> None:
        self._client, self._page = client, page

    async def read(self, path: str, **query: str) -> str:
        answer = await self._client.get(httpx.URL(self._page).join(path), params=query or None)
        answer.raise_for_status()
        return answer.text

    async def overview(self) -> float:
        return await self._timed(self._page)

    async def gallery(self, **query: str) -> float:
        return await self._timed(f"{self._page}/gallery", **query)

    async def thumbnail(self, path: str) -> float:
        return await self._timed(path)

    async def thumbnails(self, paths: Sequence[str]) -> float:
        began = time.perf_counter()
        await asyncio.gather(*map(self.thumbnail, paths))
        return 1000 * (time.perf_counter() - began)

    async def search(self, word: str) -> float:
        """Follow the pages of a search, as the script of the page does, until something is found."""
        began, query = time.perf_counter(), {"q": word}
        while 'class="tile' not in (answer := await self.read(f"{self._page}/gallery", **query)):
            more = re.search(r"before=([^\"&]+)", answer)
            if more is None:
                raise RunFailed(f"nothing was found for {word}")
            query = {"q": word, "before": unquote(more[1]), "fragment": "1"}
        return 1000 * (time.perf_counter() - began)

    async def _timed(self, path: str, **query: str) -> float:
        began = time.perf_counter()
        await self.read(path, **query)
        return 1000 * (time.perf_counter() - began)


async def _asked(address: str, page: str, rounds: int) -> dict[str, float]:
    async with httpx.AsyncClient(trust_env=False, timeout=60, follow_redirects=True) as client:
        (await client.get(address)).raise_for_status()
        visitor = Visitor(client, page)
        first = html.unescape(await visitor.read(f"{page}/gallery"))
        thumbnails = list(dict.fromkeys(re.findall(r'src="([^"]+/thumbnail\?[^"]+)"', first)))
        days = [str((NEWEST - timedelta(days=DAYS * number // (rounds + 1))).date()) for number in range(1, rounds + 1)]
        far = str((NEWEST - timedelta(days=731)).date())
        return {
            "first thumbnail": await visitor.thumbnail(thumbnails[0]),
            "50 thumbnails": await visitor.thumbnails(thumbnails[1:51]),
            "jump two years back": await visitor.gallery(at=far),
            "overview, p95": _p95([await visitor.overview() for _ in range(rounds)]),
            "gallery, cold, p95": _p95([await visitor.gallery(at=day) for day in days]),
            "gallery, warm, p95": _p95([await visitor.gallery() for _ in range(rounds)]),
            "search for a frequent word, first results": await visitor.search("fox oil"),
            "search for a word of one picture, found": await visitor.search(RARE),
            f"{REQUESTS:,} requests by {CLIENTS} clients, each": await _crowd(visitor, days, thumbnails),
        }


async def _crowd(visitor: Visitor, days: Sequence[str], thumbnails: Sequence[str]) -> float:
    """Mean milliseconds of a request while all clients ask: half of them for thumbnails."""
    numbers, took = iter(range(REQUESTS)), list[float]()

    async def client() -> None:
        for number in numbers:
            match number % 8:
                case 0:
                    took.append(await visitor.gallery())
                case 2:
                    took.append(await visitor.gallery(at=days[number // 8 % len(days)]))
                case 4:
                    took.append(await visitor.gallery(q=SUBJECTS[number // 8 % len(SUBJECTS)]))
                case 6:
                    took.append(await visitor.overview())
                case _:
                    took.append(await visitor.thumbnail(thumbnails[number % len(thumbnails)]))

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return statistics.mean(took)


def _p95(took: Sequence[float]) -> float:
    return statistics.quantiles(took, n=20)[-1]


def _print(rows: int, found: dict[str, float], memory: float, peer: dict[str, float]) -> None:
    table = Table("question", "ms", "aim, ms", "")
    for name, value in found.items():
        aim = AIMS.get(name)
        table.add_row(name, f"{value:,.0f}", f"{aim:,.0f}" if aim else "-", _judged(value, aim))
    table.add_row(
        "memory of the process at the end, MB", f"{memory:,.0f}", f"{MOST_MEMORY:,.0f}", _judged(memory, MOST_MEMORY)
    )
    for name, value in peer.items():
        table.add_row(f"rclone serve http: {name}", f"{value:,.0f}", "-", "")
    console = Console(width=110)
    console.print(machine())
    console.print(f"{rows:,} rows over {DAYS:,} days; each aim is for one client at a time, if nothing else is said")
    console.print(table)


def _judged(value: float, aim: float | None) -> str:
    return "" if aim is None else "reached" if value < aim else "missed"


if __name__ == "__main__":
    sys.exit(main())
