"""Injuries: random injuries of all kinds to an archive on a real S3 server.

Each level of verify finds what it can, by its kind, and nothing else. Repair puts back what a version or the source still has.
Then verifies are killed and repeated.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random
from uuid import uuid4

from stablecog_provider.archive.reports.verify import VerifyReport
from stablecog_provider.model.finding import Kind
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.simulator.world import World

from ...local.s3_server import S3Server, seaweedfs
from ..rig.tally import Section, Tally
from .account import Archived
from .injury import Bucket, Injury, injure
from .kills import kill_verifies

IMAGES_PER_INJURY, DAYS = 84, 40
LEVELS = ("listing", "checksum", "content")


def archived(server: S3Server, random: Random, outputs: int, days: int) -> tuple[Archived, Bucket]:
    """Return an account that is archived in a bucket of its own, whose versions are kept from now on."""
    layout = Layout(f"injuries-{uuid4().hex[:8]}", "stablecog")
    client = server.client()
    client.create_bucket(Bucket=layout.bucket)
    world = World.generate(seed=random.randrange(2**32), outputs=outputs, days=days, quiet=True, future=0)
    found = Archived(server, layout, world)
    asyncio.run(found.archive())
    client.put_bucket_versioning(Bucket=layout.bucket, VersioningConfiguration={"Status": "Enabled"})
    return found, Bucket(client, layout)


class Judge:
    """Compares reports with the injuries."""

    def __init__(self, injuries: list[Injury], tally: Tally) -> None:
        self.injuries, self.tally = injuries, tally

    def found(self, report: VerifyReport, level: str) -> None:
        """Everything that the level can see, by its kind, and nothing else."""
        expected = {each.key: each.kinds[level] for each in self.injuries if level in each.kinds}
        seen = {finding.key: finding.kind for finding in report.findings}
        self._differences(f"verify --level {level}", expected, seen)
        if len(seen) != len(report.findings):
            self.tally.faults.append(f"verify --level {level} names an object twice")

    def repaired(self, report: VerifyReport) -> None:
        expected = {each.key: each.repairable for each in self.injuries}
        seen = {finding.key: finding.repaired for finding in report.findings}
        self._differences("verify --repair", expected, seen)

    def left(self, report: VerifyReport) -> None:
        expected = {each.key: each.kinds["content"] for each in self.injuries if not each.repairable}
        self._differences("verify after the repair", expected, {each.key: each.kind for each in report.findings})

    def _differences(self, what: str, expected: Mapping[str, object], seen: Mapping[str, object]) -> None:
        by_key = {each.key: each.what for each in self.injuries}
        for key in sorted({*expected, *seen}):
            if expected.get(key) != seen.get(key):
                told = f"{what}: {by_key.get(key, 'no injury')} at {key}: "
                self.tally.faults.append(f"{told}expected {expected.get(key)}, found {seen.get(key)}")


def hurt(server: S3Server, random: Random, size: int) -> Tally:
    """Hurt an archive `size` times, find it, repair it."""
    tally = Tally("injuries", "injuries", tried=size)
    account, bucket = archived(server, random, size * IMAGES_PER_INJURY, min(DAYS, 6 + size))
    rows = asyncio.run(account.rows())
    truth, keys = {row.key: row for row in rows}, bucket.sizes()
    injuries, account.images.gone, account.images.other = injure(bucket, rows, size, random)
    judge = Judge(injuries, tally)
    for level in LEVELS:
        report = asyncio.run(account.verify(level=level))
        judge.found(report, level)
        tally.notes.append(
            f"{level}: {len(report.findings)} of {size} injuries found among {report.checked:,} images in "
            f"{report.seconds:.1f} s, {report.store_requests:,} requests so far, {report.without_checksum} without a checksum"
        )
    report = asyncio.run(account.verify(repair=True))
    judge.repaired(report)
    done = sum(finding.repaired for finding in report.findings)
    tally.notes.append(f"repaired {done} of {len(report.findings)}")
    judge.left(asyncio.run(account.verify()))
    _judge_bytes(bucket, injuries, truth, tally)
    lost = {each.key for each in injuries if not each.repairable and Kind.MISSING in each.kinds.values()}
    tally.lost += len({*keys} - {*bucket.sizes()} - lost)
    return tally


def _judge_bytes(bucket: Bucket, injuries: list[Injury], truth: dict[tuple[str, str], Row], tally: Tally) -> None:
    """What was repaired has the very bytes that were archived."""
    hashes = {bucket.layout.own_image(row.uri or ""): row.sha256 for row in truth.values()}
    for injury in injuries:
        if injury.repairable and injury.key in hashes:
            found = hashlib.sha256(bucket.get(injury.key)).hexdigest()
            if found != hashes[injury.key]:
                tally.corrupt += 1
                tally.faults.append(f"{injury.what} at {injury.key} was repaired with other bytes")


def run_on(server: S3Server, random: Random, size: int) -> list[Tally]:
    return [hurt(server, random, size), kill_verifies(server, random, size, archived)]


def play(random: Random, size: int) -> list[Tally]:
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        return run_on(held.enter_context(seaweedfs(folder / "seaweedfs")), random, size)


async def run(random: Random, size: int) -> list[Tally]:
    return await asyncio.to_thread(play, random, size)


SECTION = Section("injuries", run, full=60, slice=9)
