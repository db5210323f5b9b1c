"""SIGKILL of `verify --repair` at random instants, often several in a row. Then a verify completes, which must end as an
undisturbed one does.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

from stablecog_provider.model.manifest import Row
from stablecog_provider.model.row_fixity import verified_since

from ...local.children import die_with_parent
from ...local.s3_server import S3Server
from ..rig.tally import Tally
from .account import Archived
from .injury import Bucket, key_of

OUTPUTS, DAYS, INJURED = 240, 6, 12
EARLIEST = 0.4
"""Seconds. Before that, the process is still importing."""
PATIENCE_SECONDS = 120.0
ROOT = Path(__file__).parents[3]

Made = Callable[[S3Server, Random, int, int], tuple[Archived, Bucket]]
State = tuple[dict[str, str], list[Row]]


def kill_verifies(server: S3Server, random: Random, kills: int, made: Made) -> Tally:
    tally = Tally("injuries: kills", "SIGKILLs of verify")
    account, bucket = made(server, random, OUTPUTS, DAYS)
    whole = {key: bucket.get(key) for key in bucket.sizes()}
    partitions = _partitions(bucket)
    rows = [row for row in asyncio.run(account.rows()) if row.state == "archived"]
    victims = random.sample(rows, INJURED)
    truth, seconds = _undisturbed(server, account, bucket, victims, tally)
    cases = 0
    while tally.tried < kills and cases < 3 * kills:
        cases += 1
        _restore(bucket, whole, partitions)
        _hurt(bucket, victims)
        for _ in range(random.choice((1, 1, 2, 3))):
            code = _killed(server, bucket, random.uniform(EARLIEST, seconds * 1.1))
            tally.tried += code == -signal.SIGKILL
            if code not in (0, 3, -signal.SIGKILL):
                tally.faults.append(f"case {cases}: a verify ended with {code}")
        code = _killed(server, bucket, None)
        _judge(account, bucket, truth, code, f"case {cases}", tally)
    tally.notes.append(f"{cases} archives; an undisturbed verify takes {seconds:.1f} s")
    return tally


def _undisturbed(
    server: S3Server, account: Archived, bucket: Bucket, victims: list[Row], tally: Tally
) -> tuple[State, float]:
    _hurt(bucket, victims)
    began = time.monotonic()
    code = _killed(server, bucket, None)
    seconds = time.monotonic() - began
    truth = _state(account, bucket)
    if code != 3 or sum(row.state == "lost" for row in truth[1]) != len(victims) // 3:
        tally.faults.append(f"an undisturbed verify ended with {code}")
    return truth, seconds


def _hurt(bucket: Bucket, victims: list[Row]) -> None:
    """A third is lost without a version, a third changed, a third cut."""
    for number, row in enumerate(victims):
        key = key_of(row, bucket.layout)
        body = bucket.get(key)
        if number % 3 == 0:
            bucket.put(key, b"\0" * len(body))
            bucket.forget_versions(key)
        else:
            bucket.put(key, body[:-1] + b"\0" if number % 3 == 1 else body[: len(body) // 2])


def _restore(bucket: Bucket, whole: dict[str, bytes], partitions: dict[str, bytes]) -> None:
    """Put the archive back as it was before the injuries, with the checkpoint."""
    sizes = bucket.sizes()
    for key, body in whole.items():
        if sizes.get(key) != len(body) or bucket.get(key) != body:
            bucket.put(key, body)
    for key, body in partitions.items():
        bucket.put(key, body)


def _partitions(bucket: Bucket) -> dict[str, bytes]:
    layout = bucket.layout
    pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=layout.bucket, Prefix=layout.manifest)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return {key: bucket.get(key) for key in (*keys, layout.checkpoint)}


def _killed(server: S3Server, bucket: Bucket, after: float | None) -> int:
    """Run the command, kill it after so many seconds, and return how it ended."""
    code = "from stablecog_provider.cli import script; script()"
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "plugins"), str(ROOT))),
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    arguments = ["verify", "--json", "--repair", "--to", str(bucket.layout), "--endpoint-url", server.endpoint]
    child = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )
    try:
        return child.wait(PATIENCE_SECONDS if after is None else after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        return child.wait()


def _state(account: Archived, bucket: Bucket) -> State:
    """Return the images by the hash of their bytes, and the rows without the instants at which they were looked at."""
    images = {key: hashlib.sha256(bucket.get(key)).hexdigest() for key in bucket.sizes()}
    rows = asyncio.run(account.rows())
    blank = {"verified_at": None, "missing_at": None, "found_at": None, "error": None}
    return images, [replace(row, **blank) for row in rows]  # type: ignore[arg-type]


def _judge(account: Archived, bucket: Bucket, truth: State, code: int, case: str, tally: Tally) -> None:
    images, rows = _state(account, bucket)
    lost = {row.key for row in truth[1]} - {row.key for row in rows}
    wrong = [key for key, digest in truth[0].items() if images.get(key) != digest]
    tally.lost += len(lost)
    tally.corrupt += len(wrong)
    tally.doubled += len(images.keys() - truth[0].keys())
    if code != 3:
        tally.faults.append(f"{case}: the last verify ended with {code} instead of 3")
    if rows != truth[1] or wrong or lost:
        differing = [one.output_id for one, other in zip(rows, truth[1], strict=False) if one != other]
        tally.faults.append(f"{case}: rows differ: {differing[:5]}, images differ: {wrong[:5]}")
    unverified = [row for row in asyncio.run(account.rows()) if row.state == "archived" and not verified_since(row)]
    if unverified:
        tally.faults.append(f"{case}: {len(unverified)} intact images were not noted")
