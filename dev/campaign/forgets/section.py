"""Forgets: SIGKILL of a forget at random instants, then the same command to its end.

The result must equal that of an undisturbed one. No byte of the images and no word of the prompts may be left in any version of
any object; everything else must be as before; and the next run must be proven and copy nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.row_lifecycle import image_name

from ...local.s3_server import S3Server, seaweedfs
from ...local.tiny_jpeg import tiny_jpeg
from ..rig.tally import Section, Tally
from .stage import BUCKET, Archived, Stage, secret_of, staged

FORGOTTEN = 3
"""Outputs per case, of different days as far as there are."""
MOST_KILLS = 3
"""In a row, before a forget is left to its end."""
SHORTER = 0.8
"""A forget that ended before its kill was quicker than was assumed by this factor."""


def traces_of(rows: list[Row]) -> list[bytes]:
    """What must not be left: the word of the prompt, the image, its name, its hash."""
    traces = []
    for row in rows:
        name = image_name(row.source_url)
        traces += [secret_of(row.output_id).encode(), tiny_jpeg(name.encode()), name.rpartition(".")[0].encode()]
        traces += [(row.sha256 or "?").encode()]
    return traces


def found(archived: Archived, traces: list[bytes]) -> list[str]:
    return [f"{key}: {trace[:24]!r}" for key, body in archived.everything() for trace in traces if trace in body]


class Forgets:
    """The section on one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.tally = stage, Tally("forgets", "SIGKILLs")
        self.seconds, self.cases, self.searched = 0.0, 0, 0

    async def play(self, number: int, random: Random, kills: int) -> None:
        """Archive, forget with so many kills, forget to the end, and judge."""
        archived = await self.stage.archived(number, seed=random.randrange(10_000))
        rows = await archived.rows()
        ids = tuple(random.sample(sorted({row.output_id for row in rows.values()}), FORGOTTEN))
        gone = [row for row in rows.values() if row.output_id in ids]
        assert await asyncio.to_thread(found, archived, traces_of(gone)), "there is nothing to find before the forget"
        for _ in range(kills):
            at = random.uniform(0.0, self.seconds)
            code, said = await asyncio.to_thread(self.stage.forget, archived.layout, ids, at)
            self.tally.tried += code == -signal.SIGKILL
            self.seconds *= SHORTER if code == 0 else 1.0
            if code not in (0, -signal.SIGKILL):
                self.tally.faults.append(f"case {number}: a forget ended with {code}: {said}")
        began = time.monotonic()
        code, said = await asyncio.to_thread(self.stage.forget, archived.layout, ids)
        if not kills:
            self.seconds = time.monotonic() - began
        if code:
            self.tally.faults.append(f"case {number}: the last forget ended with {code}: {said}")
        self.cases += 1
        await self._judge(number, archived, rows, gone)

    async def _judge(
        self, number: int, archived: Archived, before: dict[tuple[str, str], Row], gone: list[Row]
    ) -> None:
        leaks = await asyncio.to_thread(found, archived, traces_of(gone))
        after, ids = await archived.rows(), {row.output_id for row in gone}
        lost = [key for key, row in before.items() if key[0] not in ids and after.get(key) != row]
        kept = {after[key].uri for key in before if key[0] not in ids and key in after and after[key].uri}
        corrupt = [uri for uri in kept if uri and not await self._is_whole(archived, uri, before)]
        states = {row.state for key, row in after.items() if key[0] in ids}
        report = await archived.run()
        wrong = [
            *(f"left: {leak}" for leak in leaks),
            *(f"lost: {key}" for key in lost),
            *(f"corrupt: {uri}" for uri in corrupt),
            *([f"states {states}"] if states != {"forgotten"} else []),
            *(
                [f"the next run: {report.outcome}, {report.copied} copied"]
                if (report.outcome, report.copied) != ("proven", 0)
                else []
            ),
        ]
        self.tally.leaked, self.tally.lost = self.tally.leaked + len(leaks), self.tally.lost + len(lost)
        self.tally.corrupt += len(corrupt)
        self.tally.faults += [f"case {number}: {each}" for each in wrong]

    async def _is_whole(self, archived: Archived, uri: str, rows: dict[tuple[str, str], Row]) -> bool:
        stored = await archived.store.get(uri.removeprefix(f"s3://{BUCKET}/"))
        hashes = {row.sha256 for row in rows.values() if row.uri == uri}
        return stored is not None and hashlib.sha256(stored.body).hexdigest() in hashes


async def kill(random: Random, size: int, server: S3Server, folder: Path) -> list[Tally]:
    """Kill until there have been `size` kills."""
    forgets = Forgets(await staged(server, folder))
    # The first process imports what the others share, and would count as a slow forget.
    await asyncio.to_thread(forgets.stage.forget, Layout(BUCKET, "nothing"), ("nobody",))
    await forgets.play(0, random, 0)
    number = 0
    while forgets.tally.tried < size and number < size * 4:
        number += 1
        await forgets.play(number, random, random.randint(1, MOST_KILLS))
    forgets.tally.notes.append(
        f"{forgets.cases} archives, killed {forgets.tally.tried} times, then forgotten from and searched in full"
    )
    return [forgets.tally]


async def run(random: Random, size: int) -> list[Tally]:
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        server = held.enter_context(seaweedfs(folder / "seaweedfs"))
        return await kill(random, size, server, folder)


SECTION = Section("forgets", run, full=50, slice=2)
