"""Faults of the store: on SeaweedFS, on moto, and on Ceph if it is installed."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from moto.server import ThreadedMotoServer

from ...local.s3_server import HOST, S3Server, seaweedfs
from ..rig import ceph, proxies
from ..rig.tally import Section, Tally
from . import cases as store_cases
from . import full_disk
from .case import BUCKET, run_case
from .cases import SIGNED, UNSIGNED, Trial

MOTO_SHARE = CEPH_SHARE = 4
"""Cases on SeaweedFS per case on each of the others."""
VERSIONED = {"a versioned bucket": SIGNED["a versioned bucket"]}


async def run(random: Random, size: int) -> list[Tally]:
    with tempfile.TemporaryDirectory(prefix="campaign-store-") as name:
        folder = Path(name)
        with seaweedfs(folder / "weed", bucket=BUCKET) as weed, _moto() as moto:
            tallies = [
                await tried("SeaweedFS", weed, SIGNED, random, size),
                await tried("moto", moto, {**UNSIGNED, **VERSIONED}, random, max(1, size // MOTO_SHARE)),
                await _behind_haproxy(folder, weed, random, max(1, size // 6)),
            ]
        tallies.append(await full_disk.tried(folder / "full", random, max(1, size // 20)))
        tallies.append(await _on_ceph(folder / "ceph", random, max(1, size // CEPH_SHARE)))
    return tallies


async def tried(where: str, server: S3Server, cases: dict[str, Trial], random: Random, size: int) -> Tally:
    """Run every case once before any comes twice."""
    tally, began = Tally(f"store faults: {where}", "faults of stores during writes"), time.monotonic()
    drawn: list[str] = []
    while len(drawn) < size:
        drawn += random.sample(sorted(cases), len(cases))
    for name in drawn[:size]:
        await run_case(tally, name, cases[name], server, server.endpoint, random)
    tally.seconds = time.monotonic() - began
    return tally


async def _behind_haproxy(folder: Path, server: S3Server, random: Random, size: int) -> Tally:
    if not proxies.has_haproxy():
        tally = Tally("store faults: behind haproxy", "503 SlowDown on a fifth of the writes")
        tally.notes.append("not run here: haproxy is not installed (a proxy in Python ran the same case)")
        return tally
    with proxies.haproxy(folder, server.endpoint, percent=20) as address:
        tally, began = Tally("store faults: behind haproxy", "503 SlowDown on a fifth of the writes"), time.monotonic()
        for _ in range(size):
            await run_case(tally, "503 SlowDown by haproxy", store_cases.plain, server, address, random)
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
