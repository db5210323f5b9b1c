"""A disk that is full, without being root: the kernel lets no file of the server grow beyond a size, so that its writes fail
as on a full disk. SeaweedFS answers `500 InternalError`, and takes writes again once there is room.
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
from .case import BUCKET, one
from .stage import Stage

_UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
_MARGIN = 16 * 1024
NAME = "a full disk"


async def tried(folder: Path, random: Random, size: int) -> Tally:
    """On a server of its own: what a full disk does to it is its own affair."""
    tally, began = Tally("store faults: full disk", "a disk that fills up in mid-run"), time.monotonic()
    if sys.platform != "linux":
        tally.notes.append("not run here: only Linux limits the files of another process")
        return tally
    with seaweedfs(folder, bucket=BUCKET) as server:
        (weed,) = (child for child in psutil.Process().children() if Path(child.cwd()) == folder)

        async def trial(stage: Stage, own: Random) -> None:
            await _fills_up(stage, weed.pid, folder)

        for _ in range(size):
            await one(tally, NAME, trial, server, server.endpoint, random)
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
    await stage.mended()


def _largest(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
