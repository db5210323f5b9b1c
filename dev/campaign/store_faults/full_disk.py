"""A full disk, without root: the kernel limits the size of the server's files, so its writes fail as on a full disk.

SeaweedFS answers `500 InternalError`, and accepts writes again once there is room.
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import timedelta
from pathlib import Path
from random import Random

import psutil

from stablecog_provider.errors import StoreUnavailable

from ...local.s3_server import seaweedfs
from ..rig.tally import Tally
from .case import BUCKET, run_case
from .stage import Stage

_UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
_MARGIN = 16 * 1024
NAME = "a full disk"


async def tried(folder: Path, random: Random, size: int) -> Tally:
    """Run the case `size` times, on a separate server."""
    tally, began = Tally("store faults: full disk", "a disk that fills up during a run"), time.monotonic()
    if sys.platform != "linux":
        tally.notes.append("not run here: only Linux limits the files of another process")
        return tally
    with seaweedfs(folder, bucket=BUCKET) as server:
        (weed,) = (child for child in psutil.Process().children() if Path(child.cwd()) == folder)

        async def trial(stage: Stage, own: Random) -> None:
            await _fills_up(stage, weed.pid, folder)

        for _ in range(size):
            await run_case(tally, NAME, trial, server, server.endpoint, random)
    tally.seconds = time.monotonic() - began
    return tally


async def _fills_up(stage: Stage, server: int, folder: Path) -> None:
    resource.prlimit(server, resource.RLIMIT_FSIZE, (_largest(folder) + _MARGIN, resource.RLIM_INFINITY))
    try:
        for _ in range(40):
            outcome = await stage.bench.run()
            if isinstance(outcome, StoreUnavailable):
                break
            stage.bench.simulator.world.add(stage.bench.simulator.clock.now())
            stage.bench.advance(timedelta(hours=1))
        else:
            stage.bench.wrong("the disk never filled up")
        await stage.bench.inspect()
    finally:
        resource.prlimit(server, resource.RLIMIT_FSIZE, _UNLIMITED)
    await stage.recovers()


def _largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
