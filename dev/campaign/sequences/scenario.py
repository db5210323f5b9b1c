"""The world under test: an account, image hosts, a bucket and clocks, the product's processes in it, and what is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.parquet_partition import read_partition
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.reports.rebuild import RebuildReport
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.reports.status import ArchiveStatus
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.archive.status import status
from stablecog_provider.errors import ArchiveDamaged, ArchiveError
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.manifest import Row, RowKey
from stablecog_provider.model.object_keys import Layout

from .account import RIGHT, Account, Api, shows_all
from .bucket import Bucket, Killed, Trouble, View

LONG = timedelta(days=8)
"""No difference rests for longer."""


@dataclass(slots=True, kw_only=True)
class Ended:
    """What came of a process: its report, its error, or neither if it was killed. `honest`: whether the source showed all that
    the account has. `before`: the rows when it began. `alone`: whether nothing else happened meanwhile.
    """

    settings: dict[str, Any]
    key: str = RIGHT
    report: RunReport | None = None
    error: ArchiveError | None = None
    requests: int = 0
    honest: bool = True
    alone: bool = True
    before: dict[RowKey, Row] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None

    @property
    def is_ordinary(self) -> bool:
        """Whether it was a run that came to its end, of everything, with nothing in its way."""
        bounded = self.settings.get("start") or self.settings.get("end")
        return self.report is not None and self.key == RIGHT and self.honest and not bounded

    def __str__(self) -> str:
        if self.report:
            return f"{self.report.outcome} ({self.report.new} new, {self.report.tombstoned} deleted, {self.requests} requests)"
        return f"{type(self.error).__name__}: {self.error}" if self.error else "killed"


class Scenario:
    """`skew`: how far our clock is ahead of the true time. `misled`: outputs about which the source, or the administrator, gave a
    false picture of the settled past; they may be missing for a known number of runs. `story`: what happened, in words.
    """

    def __init__(self) -> None:
        self.account, self.bucket = Account(), Bucket()
        self.layout, self.address = Layout("archive", "stablecog"), "https://api.test"
        self.skew = timedelta(0)
        self.misled: set[str] = set()
        self.calm_runs, self.calm_since = 0, self.account.now
        self.copies: dict[str, set[tuple[RowKey, str]]] = {}
        self.story: list[str] = []
        self._seconds = 0.0
        self._rows: dict[tuple[str, str], list[Row]] = {}
        self._runner = asyncio.Runner()

    def close(self) -> None:
        self._runner.close()

    def tell(self, line: str) -> None:
        self.story.append(line)

    # The state of things.

    def our_now(self) -> datetime:
        return self.account.now + self.skew

    def now(self) -> datetime:
        """As the product's `Clock`."""
        return self.our_now()

    @property
    def partitions(self) -> list[str]:
        return self.bucket.keys(self.layout.manifest)

    def rows_of(self, key: str) -> list[Row]:
        """The rows of a partition; none if it cannot be read."""
        item, day = self.bucket.objects[key], self.layout.parse_partition(key)
        if (key, item.version) not in self._rows:
            try:
                found = list(read_partition(day, item.body, key).rows()) if day else []
            except ArchiveDamaged:
                found = []
            self._rows[key, item.version] = found
        return self._rows[key, item.version]

    def rows(self) -> dict[RowKey, Row]:
        """The live row of a key, if two days have one."""
        found: dict[RowKey, Row] = {}
        for row in (row for key in self.partitions for row in self.rows_of(key)):
            if row.key not in found or found[row.key].deleted_at is not None:
                found[row.key] = row
        return found

    @property
    def checkpoint(self) -> Checkpoint | None:
        stored = self.bucket.objects.get(self.layout.checkpoint)
        try:
            return Checkpoint.from_json(stored.body) if stored else None
        except ArchiveDamaged:
            return None

    @property
    def has_archive(self) -> bool:
        return bool(self.partitions) and self.checkpoint is not None

    @property
    def knows_enough(self) -> bool:
        """Whether another account can be told from this one: it is clear what is archived, and it is still there."""
        checkpoint, rows = self.checkpoint, self.rows()
        if checkpoint is None or not checkpoint.coverage:
            return False
        live = {output.id for output in self.account.live}
        held = {row.output_id for row in rows.values() if row.deleted_at is None}
        return len(held) >= 10 and len(live & held) > len(held) / 2 and not checkpoint.deletions_allowed

    @property
    def bound(self) -> int:
        """Ordinary runs after which nothing that the source lists is missing: two rounds of the second reading, and some."""
        days = {output.g.date() for output in self.account.made}
        return 2 * len(days) + 4

    @property
    def patience_is_over(self) -> bool:
        is_calm = self.calm_runs > self.bound and self.account.now - self.calm_since > LONG
        return is_calm and not any(map(self.bucket.hides, self.partitions))

    def mislead(self, outputs: Iterable[str]) -> None:
        self.misled |= set(outputs)
        self.disturb()

    def thaw(self) -> None:
        """What could not be read was not looked at since."""
        if self.bucket.frozen:
            self.bucket.frozen.clear()
            self.disturb()

    def disturb(self) -> None:
        """Whatever is due within so many runs is due within so many from now."""
        self.calm_runs, self.calm_since = 0, self.account.now

    def pass_time(self, by: timedelta) -> None:
        """A listing lags for minutes, not for hours."""
        self.account.now += by
        self.bucket.list_all()

    # The processes.

    def play(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine)

    def ports(self, view: View, api: Api) -> Ports:
        return Ports(
            source=api,
            images=self.account.hosts,
            store=view,
            manifest=ParquetManifest(view, self.layout, sleep=self._sleep),
            clock=self,
            sleep=self._sleep,
            monotonic=lambda: self._seconds,
        )

    async def run(
        self,
        trouble: Trouble | None = None,
        *,
        key: str = RIGHT,
        fails_after: int | None = None,
        during: dict[int, Callable[[], None]] | None = None,
        **settings: Any,
    ) -> Ended:
        api = Api(self.account, self.our_now, key=key, address=self.address, fails_after=fails_after, during=during)
        ended = Ended(
            settings=settings,
            key=key,
            honest=shows_all(self.account.lies) and not during,
            before=self.rows(),
            checkpoint=self.checkpoint,
        )
        try:
            view = View(self.bucket, trouble)
            ended.report = await archive(self.ports(view, api), ArchiveSettings(layout=self.layout, **settings))
        except ArchiveError as error:
            ended.error = error
        except Killed:
            pass
        ended.requests = api.requests
        return ended

    async def rebuild(self, trouble: Trouble | None = None, **settings: Any) -> RebuildReport | ArchiveError | None:
        """None if it was killed."""
        self.disturb()
        if self.checkpoint is None:
            # Without a checkpoint the listing is all that there is: whoever rebuilds waits until it is up to date.
            self.bucket.list_all()
        api = Api(self.account, self.our_now, address=self.address)
        ports = self.ports(View(self.bucket, trouble), api)
        try:
            return await rebuild(ports, RebuildSettings(layout=self.layout, **settings))
        except ArchiveError as error:
            return error
        except Killed:
            return None

    async def status(self) -> ArchiveStatus:
        return await status(View(self.bucket), self.layout, self.now())

    async def _sleep(self, seconds: float) -> None:
        self._seconds += seconds
        await asyncio.sleep(0)
