"""Runs one case of a failing store, with its own prefix, on any server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.model.object_keys import Layout

from ...local.s3_server import S3Server
from ..rig import proxies
from ..rig.bench import bench
from ..rig.message_patterns import patterns
from ..rig.tally import Tally
from .cases import Trial
from .stage import QUICK, Stage

BUCKET = "archive"
SEEN: dict[str, str] = {}
"""Each message in this process, by pattern, with a case that caused it."""


async def run_case(tally: Tally, name: str, trial: Trial, server: S3Server, upstream: str, random: Random) -> None:
    """Run one case with its own prefix. `upstream`: the address that its proxy passes requests on to."""
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
        direct = S3ObjectStore(BUCKET, session=server.session(), endpoint_url=server.endpoint, retries=QUICK)
        async with bench(random, tally, label, direct, layout=layout) as set_up:
            stage = Stage(set_up, proxy, address, server)
            set_up.direct, set_up.store = direct, stage.store()
            yield stage
