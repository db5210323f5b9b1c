"""The store on its worst days, on SeaweedFS, on a server of AWS's own shape, and on Ceph where it is installed."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from demo.servers import HOST, S3Server, seaweedfs
from moto.server import ThreadedMotoServer

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.model.object_keys import Layout

from . import ceph, full_disk, proxies, store_cases
from .bench import bench
from .store_cases import SIGNED, UNSIGNED, Trial
from .store_stage import QUICK, Stage
from .tally import Section, Tally
from .wording import patterns

BUCKET = "archive"
MOTO_SHARE = CEPH_SHARE = 4
"""For so many cases on SeaweedFS, one on each of the others."""
VERSIONED = {"a versioned bucket": SIGNED["a versioned bucket"]}
SEEN: dict[str, str] = {}
"""Each message that this process saw, by pattern, with a case that brought it about."""


async def run(random: Random, size: int) -> list[Tally]:
    with tempfile.TemporaryDirectory(prefix="campaign-store-") as name:
        folder = Path(name)
        with seaweedfs(folder / "weed", bucket=BUCKET) as weed, _moto() as moto:
            tallies = [
                await tried("SeaweedFS", weed, SIGNED, random, size),
                await tried("AWS's shape", moto, {**UNSIGNED, **VERSIONED}, random, max(1, size // MOTO_SHARE)),
                await _behind_haproxy(folder, weed, random, max(1, size // 6)),
            ]
        tallies.append(await full_disk.tried(folder / "full", random, max(1, size // 20)))
        tallies.append(await _on_ceph(folder / "ceph", random, max(1, size // CEPH_SHARE)))
    return tallies


async def tried(where: str, server: S3Server, cases: dict[str, Trial], random: Random, size: int) -> Tally:
    """Every case once before any comes twice."""
    tally, began = Tally(f"store faults: {where}", "stores failing while they are written to"), time.monotonic()
    drawn: list[str] = []
    while len(drawn) < size:
        drawn += random.sample(sorted(cases), len(cases))
    for name in drawn[:size]:
        await one(tally, name, cases[name], server, server.endpoint, random)
    tally.seconds = time.monotonic() - began
    return tally


async def one(tally: Tally, name: str, trial: Trial, server: S3Server, upstream: str, random: Random) -> None:
    """One case, with a prefix of its own. `upstream`: where its proxy passes requests on to."""
    seed = random.randrange(2**32)
    label, own = f"{name}, seed {seed}", Random(seed)
    tally.tried += 1
    async with _stage(own, tally, label, server, upstream) as stage:
        try:
            await trial(stage, own)
        except Exception as error:
            stage.bench.wrong(f"{type(error).__name__}: {error}")
        SEEN.update(dict.fromkeys(patterns(stage.bench.messages), name))


@asynccontextmanager
async def _stage(random: Random, tally: Tally, label: str, server: S3Server, upstream: str) -> AsyncIterator[Stage]:
    layout = Layout(BUCKET, f"case-{random.randrange(2**48)}")
    async with proxies.proxied(upstream) as (proxy, address):
        past = S3ObjectStore(BUCKET, session=server.session(), endpoint_url=server.endpoint, retries=QUICK)
        async with bench(random, tally, label, past, layout=layout) as set_up:
            stage = Stage(set_up, proxy, address, server)
            set_up.past, set_up.store = past, stage.store()
            yield stage


async def _behind_haproxy(folder: Path, server: S3Server, random: Random, size: int) -> Tally:
    if not proxies.has_haproxy():
        tally = Tally("store faults: behind haproxy", "503 SlowDown on a fifth of the writes")
        tally.notes.append("not run here: haproxy is not installed (the same case ran behind a proxy in Python)")
        return tally
    with proxies.haproxy(folder, server.endpoint, percent=20) as address:
        tally, began = Tally("store faults: behind haproxy", "503 SlowDown on a fifth of the writes"), time.monotonic()
        for _ in range(size):
            await one(tally, "503 SlowDown by haproxy", store_cases.plain, server, address, random)
        tally.seconds = time.monotonic() - began
        return tally


async def _on_ceph(folder: Path, random: Random, size: int) -> Tally:
    if missing := ceph.missing_programs():
        tally = Tally("store faults: Ceph", "a second, independent server")
        tally.notes.append(f"not run here: {', '.join(missing)} not installed")
        return tally
    with ceph.ceph(folder, BUCKET) as server:
        cases = {**SIGNED, "a versioned bucket": store_cases.versioned_or_refused, "nothing fails": store_cases.plain}
        return await tried("Ceph", server, cases, random, size)


@contextlib.contextmanager
def _moto() -> Iterator[S3Server]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    moto = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    moto.start()
    try:
        server = S3Server(f"http://{HOST}:{moto.get_host_and_port()[1]}", "campaign-key", "campaign-secret")
        server.client().create_bucket(Bucket=BUCKET)
        yield server
    finally:
        moto.stop()


SECTION = Section("store_faults", run, full=60, slice=4)
