"""Damage: objects that are lost, cut, flipped or edited are noticed, and the hint of the error repairs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import PurePosixPath
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from stablecog_provider.adapters.memory import FixedClock, MemoryObject, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.reports.rebuild import RebuildReport
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.errors import AnotherAccount, ArchiveError, ArchiveTooNew
from stablecog_provider.model.checkpoint import signed
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.simulator.dialect import PRESETS
from stablecog_provider.simulator.world import World as SimulatedWorld

from ..rig.simulated import Images, Source
from ..rig.tally import Section, Tally

LAYOUT = Layout("archive", "stablecog")
OUTPUTS, DAYS = 80, 6


class Archived:
    """An archived account. `restore` returns the bucket to that state."""

    def __init__(self, dialect: str, seed: int = 3) -> None:
        settings = {"seed": seed, "outputs": OUTPUTS, "days": DAYS, "quiet": True, "future": 0}
        self.own = SimulatedWorld.generate(**settings)  # type: ignore[arg-type]
        self.other = SimulatedWorld.generate(**settings | {"seed": seed + 1})  # type: ignore[arg-type]
        self.dialect, self.clock, self.store = PRESETS[dialect], FixedClock(self.own.present), MemoryObjectStore()
        self.clock.advance(timedelta(hours=1))
        self.account = self.own

    async def archive(self) -> None:
        await self.run()
        self.clock.advance(timedelta(hours=2))
        assert (await self.run()).outcome == "proven"
        self.whole, self.rows = dict(self.store.objects), await self.fixities()
        self.bodies = self.images()

    def restore(self) -> None:
        self.store.objects, self.account = dict(self.whole), self.own

    def _world(self) -> Ports:
        source = Source(self.account, self.dialect, self.clock)
        manifest = ParquetManifest(self.store, LAYOUT)
        return Ports(source=source, images=Images(), store=self.store, manifest=manifest, clock=self.clock)

    async def run(self) -> RunReport:
        return await archive(self._world(), ArchiveSettings(layout=LAYOUT))

    async def rebuild(self) -> RebuildReport:
        return await rebuild(self._world(), RebuildSettings(LAYOUT, set_aside_damaged=True, check_images=True))

    async def fixities(self) -> dict[tuple[str, str], tuple[str, str | None]]:
        manifest = ParquetManifest(self.store, LAYOUT)
        loaded = [await manifest.load(day) for day in await manifest.days()]
        return {row.key: (row.state, row.sha256) for partition in loaded for row in partition.rows()}

    def images(self) -> dict[str, bytes]:
        return {key: item.body for key, item in self.store.objects.items() if key.startswith(LAYOUT.images)}

    def change(self, key: str, body: bytes | None) -> None:
        """Write as another program would, with a new version."""
        if body is None:
            del self.store.objects[key]
        else:
            self.store.objects[key] = MemoryObject(body, f"foreign-{hash(body)}", "x/y", {})


Change = Callable[[bytes, Random], bytes | None]


def _flip(body: bytes, random: Random) -> bytes:
    flipped = bytearray(body)
    for _ in range(random.choice((1, 1, 2, 5))):
        flipped[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _table(edit: Callable[[pa.Table, Random], pa.Table]) -> Change:
    def change(body: bytes, random: Random) -> bytes:
        sink = pa.BufferOutputStream()
        pq.write_table(edit(pq.read_table(pa.BufferReader(body)), random), sink)
        return bytes(sink.getvalue().to_pybytes())

    return change


BYTES: dict[str, Change] = {
    "deleted": lambda body, random: None,
    "cut": lambda body, random: body[: random.randrange(len(body))],
    "flipped": _flip,
}
TABLES: dict[str, Change] = {
    "a foreign column": _table(lambda table, random: table.append_column("stars", pa.array([5] * len(table)))),
    "a column less": _table(lambda table, random: table.drop_columns(["raw"])),
    "a row twice": _table(
        lambda table, random: pa.concat_tables([table, table.slice(random.randrange(len(table)), 1)])
    ),
    "rows removed": _table(lambda table, random: table.slice(random.randint(1, len(table)))),
}
CASES: dict[str, tuple[str, Change]] = {
    **{f"checkpoint {name}": (LAYOUT.checkpoint, change) for name, change in BYTES.items()},
    "checkpoint of a newer version": (LAYOUT.checkpoint, lambda body, random: signed({"version": 99})),
    **{f"partition {name}": (LAYOUT.manifest, change) for name, change in (BYTES | TABLES).items()},
    **{f"image {name}": (LAYOUT.images, BYTES[name]) for name in ("deleted", "cut")},
}


async def damaged(archived: Archived, names: list[str], random: Random) -> str:
    """Damage the archive, repair it as the errors say, and return how the damage was noticed.

    Raises AssertionError, which says what is wrong.
    """
    archived.restore()
    changed: list[str] = []
    for name in names:
        below, change = CASES[name]
        key = random.choice(
            sorted(key for key in archived.whole if key.startswith(below) and key not in changed) or [""]
        )
        if key:
            archived.change(key, change(archived.whole[key].body, random))
            changed.append(key)
    before, noticed = dict(archived.store.objects), "repaired by the run itself"
    skipped, error = await _tried(archived)
    if skipped:
        noticed = "a day that was skipped"
        assert any(PurePosixPath(key).parent.name in skipped and "set-aside-damaged" in skipped for key in changed)
    if error:
        noticed = type(error).__name__
        named = any(PurePosixPath(key).parent.name in str(error) or "checkpoint.json" in str(error) for key in changed)
        assert named, f"the error does not name a damaged object: {error}"
        assert error.hint, f"no hint: {error}"
        assert archived.store.objects == before, "something was written before the damage was noticed"
    try:
        await archived.rebuild()
    except ArchiveTooNew:
        # Only the newer program or the original object can help, so this is refused.
        noticed = "ArchiveTooNew"
        archived.restore()
        return noticed
    report = await archived.run()
    assert report.outcome == "proven", report.explain()
    return noticed


async def _tried(archived: Archived) -> tuple[str, ArchiveError | None]:
    """Return what a run says of the days that it skipped, and the error with which it ended."""
    try:
        report = await archived.run()
    except ArchiveError as error:
        return "", error
    skipped = "\n".join(note for note in report.notes if "was skipped" in note)
    assert report.exit_code == 3 or not skipped, f"exit code {report.exit_code} though days were skipped: {skipped}"
    return skipped, None


async def _refusal(attempt: Callable[[], Awaitable[object]]) -> ArchiveError | None:
    try:
        await attempt()
    except ArchiveError as error:
        return error
    return None


async def another_account(archived: Archived) -> str:
    archived.restore()
    archived.account = archived.other
    for attempt in (archived.run, archived.rebuild):
        error = await _refusal(attempt)
        assert isinstance(error, AnotherAccount), f"another account was accepted: {error}"
    archived.account = archived.own
    assert archived.store.objects == archived.whole, "something was written for another account"
    return "AnotherAccount"


async def run(random: Random, size: int) -> list[Tally]:
    tally = Tally("damage", "damaged archives")
    accounts = [Archived(dialect) for dialect in PRESETS]
    for archived in accounts:
        await archived.archive()
    kinds: Counter[str] = Counter()
    for number in range(size):
        archived = accounts[number % len(accounts)]
        names = random.sample(sorted(CASES), random.choice((1, 1, 1, 2, 3)))
        other = random.random() < 0.05
        case = f"case {number}: {'another account' if other else ', '.join(names)}"
        try:
            kinds[await (another_account(archived) if other else damaged(archived, names, random))] += 1
        except (AssertionError, ArchiveError) as wrong:
            tally.faults.append(f"{case}: {wrong}")
        else:
            await _judge(archived, tally, case)
        tally.tried += 1
    tally.notes.append("noticed as: " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common()))
    return [tally]


async def _judge(archived: Archived, tally: Tally, case: str) -> None:
    """Compare with the archive before the damage."""
    rows, bodies = await archived.fixities(), archived.images()
    lost = len(archived.rows.keys() - rows.keys()) + len(archived.bodies.keys() - bodies.keys())
    corrupt = sum(rows[key] != known for key, known in archived.rows.items() if key in rows)
    corrupt += sum(bodies[key] != body for key, body in archived.bodies.items() if key in bodies)
    more = len(rows.keys() - archived.rows.keys())
    tally.lost, tally.corrupt, tally.doubled = tally.lost + lost, tally.corrupt + corrupt, tally.doubled + more
    if lost or corrupt or more:
        tally.faults.append(f"{case}: {lost} lost, {corrupt} corrupt, {more} too many")


SECTION = Section("damage", run, full=1000, slice=16)
