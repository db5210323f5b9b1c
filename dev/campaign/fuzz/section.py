"""Fuzzing: each document must end in rows or in an ArchiveError, within the memory limit.

All documents go through the API adapter as bytes, then through the ledger to rows and to an Arrow table. One in `WHOLE` also
goes through a complete run: manifest, Parquet, and back.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx

from stablecog_provider.adapters.memory import FixedClock, MemoryImages, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.parquet_partition import table_of
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.archive.committing.ledger import Ledger
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.errors import ArchiveError
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.page import Page, PageQuery

from ..rig.memory import LIMIT, MIB, Peak
from ..rig.tally import Section, Tally
from .documents import bodies

LAYOUT = Layout("archive", "fuzz")
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
WHOLE = 40
LONGEST = 120.0
"""Time limit per document in seconds, for a busy machine. A document that never ends must not hide the others."""
ATHERIS_RUNS = 20


async def run(random: Random, size: int) -> list[Tally]:
    return [await try_bodies(random, size), await asyncio.to_thread(try_atheris, random, size * ATHERIS_RUNS)]


async def try_bodies(random: Random, size: int) -> Tally:
    tally, peak = Tally("fuzz", "fuzzed documents"), Peak()
    rows = refused = 0
    with peak.measured("all documents"):
        for body in bodies(random, size):
            whole = tally.tried % WHOLE == 0
            tally.tried += 1
            try:
                async with asyncio.timeout(LONGEST):
                    rows += await _try(body, whole)
            except ArchiveError:
                refused += 1
            except Exception as error:
                tally.corrupt += 1
                tally.faults.append(f"{type(error).__name__}: {str(error)[:200]!a} from {body[:2000]!r}")
    tally.notes.append(
        f"{rows:,} rows, {refused:,} documents refused with an ArchiveError; "
        f"peak memory {peak.highest // MIB} MiB over the start, limit {LIMIT // MIB} MiB"
    )
    if peak.highest > LIMIT:
        tally.faults.append(f"{peak.highest // MIB} MiB, more than the limit")
    return tally


async def _try(body: bytes, whole: bool) -> int:
    """Return the number of rows. Raises ArchiveError if the document is refused."""
    async with _source(body) as source:
        if whole:
            return await _whole_run(source)
        page = await source.page(PageQuery())
    return len(await _rows(page))


def _source(body: bytes) -> StablecogApi:
    """Return an API that answers every request with `body`."""

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    return StablecogApi("https://api.stablecog.com", "key", attempts=1, transport=transport, sleep=at_once)


async def _rows(page: Page) -> list[Row]:
    """Return the rows of a page in an empty archive, after checking them as an Arrow table."""
    ledger = Ledger(ParquetManifest(MemoryObjectStore(), LAYOUT), FixedClock(NOW), "fuzz")
    rows = [entry.row for entry in await ledger.entries(page.outputs)]
    table_of(rows).validate(full=True)
    return rows


async def _whole_run(source: StablecogApi) -> int:
    store = MemoryObjectStore()
    manifest = ParquetManifest(store, LAYOUT)
    ports = Ports(source=source, images=MemoryImages(), store=store, manifest=manifest, clock=FixedClock(NOW))
    try:
        report = await archive(ports, ArchiveSettings(layout=LAYOUT))
        json.dumps(report.to_document(), allow_nan=False)
    finally:
        rows = [row for day in await manifest.days() for row in (await manifest.load(day)).rows()]
    return len(rows)


def try_atheris(random: Random, runs: int) -> Tally:
    """Run the parser under a coverage-guided fuzzer, in a separate process."""
    tally = Tally("fuzz", "inputs by atheris")
    seed = random.randrange(1, 2**31)
    if importlib.util.find_spec("atheris") is None:
        tally.notes.append("not run here: atheris is not installed")
        return tally
    arguments = (f"-runs={runs}", f"-seed={seed}", "-rss_limit_mb=1024", "-max_len=16384", "-verbosity=0")
    with tempfile.TemporaryDirectory() as folder:
        # Random bytes rarely become JSON, so it starts from documents.
        for number, body in enumerate(bodies(random, 50)):
            Path(folder, str(number)).write_bytes(body)
        command = [sys.executable, "-m", f"{__package__}.parser", *arguments, folder]
        done = subprocess.run(command, capture_output=True, timeout=900)
    tally.tried = runs
    if done.returncode:
        tally.corrupt += 1
        tally.faults.append(f"seed {seed}: {done.stderr.decode(errors='replace')[-2000:]!a}")
    return tally


SECTION = Section("fuzz", run, full=20_000, slice=120)
