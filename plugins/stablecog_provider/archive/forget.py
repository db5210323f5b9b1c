"""Forget outputs: delete their images and all that the bucket says about them, for good.

The rows stay, with keys and dates alone, in the state `forgotten`. So counts still agree, and no run copies the images again.

Order: the record; a note in the checkpoint that there is something to forget; reports; the rows; then images, earlier versions of
partitions, and copies that were set aside; at last the note is taken back. A forget that was killed is continued by the next one:
until it is noted, by the same command; after that, by any, because the record says what was chosen. Runs may be at work at the
same time: `forgotten` wins every merge, and a run that stores such an image after all notes it for the next forget.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ..errors import ArchiveError, ConfigurationError
from ..model.checkpoint import Checkpoint, Forgetting
from ..model.coverage import Coverage
from ..model.manifest import Row, State
from ..model.object_keys import Layout
from .committing.checkpoint_file import CheckpointFile
from .committing.commit import Committer
from .committing.intent import all_forgotten, intended_days, still_forgetting
from .committing.inventory import expected_days, is_expected
from .committing.ledger import Ledger
from .forgetting import records
from .forgetting.erasing import Eraser
from .forgetting.ports import ForgetPorts, Lock, StoredVersion
from .forgetting.redaction import Reports, redacted, words_of
from .forgetting.selection import Choice, Selection, add_left_behind, select
from .ports import Progress, ProgressListener
from .recording import Recorder, recorded
from .reports.forget import ForgetReport, ForgottenOutput

LARGEST_SHARE = 0.1
"""Of the outputs of an archive. To forget more takes a number, so that a wrong condition forgets nothing."""
COMMIT_ROWS = 5000


# Without slots, so that a default can be read as a class attribute, as of ArchiveSettings.
@dataclass(frozen=True)
class ForgetSettings:
    """What one forget does. At most one of `id`, `where` and `deleted_at_source` says what; with none, it continues a forget that
    was killed. Raises ConfigurationError if a value cannot be used.

    - `layout`: the bucket and the prefix of the archive.
    - `id`: outputs.
    - `where`: a DuckDB expression over the manifest's columns. If it is true for one row of an output, the whole
      output is forgotten.
    - `deleted_at_source`: outputs that the source deleted at least `older_than` ago.
    - `reason`: kept in the record and the report. It must not contain what is to be forgotten.
    - `yes`: do it; without it, list what would be removed.
    - `yes_really`: do it, even if that is more than 10 % of the archive: the number of outputs.
    """

    layout: Layout
    id: tuple[str, ...] | None = None
    where: str | None = None
    deleted_at_source: bool = False
    older_than: timedelta | None = None
    reason: str = ""
    yes: bool = False
    yes_really: int | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("id", "where", "deleted_at_source") if getattr(self, name)]
        if len(given) > 1:
            raise ConfigurationError(
                f"{' and '.join(given)} were given together", hint="choose by one of id, where and deleted_at_source"
            )
        if self.deleted_at_source != (self.older_than is not None):
            raise ConfigurationError(
                "deleted_at_source and older_than belong together", hint="for example, older_than 90d"
            )
        if self.older_than is not None and self.older_than < timedelta(0):
            raise ConfigurationError("older_than is negative", hint="write a duration, such as 90d")
        if self.where is not None and not self.where.strip():
            raise ConfigurationError("where is empty", hint="write a condition, or leave it out")

    @property
    def selection(self) -> str:
        """By what outputs are chosen. Not the condition itself: it may quote what is to be forgotten."""
        given = (name for name in ("id", "where", "deleted_at_source") if getattr(self, name))
        return next(given, "")

    @property
    def is_dry_run(self) -> bool:
        return not self.yes and self.yes_really is None


async def forget(
    ports: ForgetPorts, settings: ForgetSettings, on_progress: ProgressListener | None = None
) -> ForgetReport:
    """Forget what the settings choose. Raises ArchiveError. Whatever was done stays done, and the next forget continues."""
    notify: ProgressListener = on_progress or (lambda _: None)
    started, layout = ports.clock.now(), settings.layout
    run_id = uuid.uuid4().hex[:12]
    file = CheckpointFile(ports.store, layout, ports.sleep, run_id=run_id)
    checkpoint = await file.load()
    if checkpoint is None:
        raise ConfigurationError(
            f"there is no archive at {layout} (no checkpoint.json)",
            hint="check the address; the first `stablecog-archive run` creates an archive",
        )
    choice = _choice(ports, settings, started)
    expected = expected_days(checkpoint)
    # Some stores list a new object only after a delay.
    held = {*await ports.manifest.versions(), *expected, *intended_days(checkpoint)}
    days = held if settings.selection else set[date]()
    selection = await select(ports.manifest, days, expected, choice, notify)
    await add_left_behind(selection, ports.store, layout, started)
    work = _Forgetting(ports, settings, file, checkpoint, selection, notify, started, run_id)
    if settings.is_dry_run:
        return work.report
    _check_share(settings, selection)
    if selection.chosen or selection.again or checkpoint.forgetting:
        recorder = Recorder(ports.store, layout, ports.clock, "forget", work.run_id, started)
        async with recorded(recorder):
            await work.forget(recorder)
    return work.report


def _choice(ports: ForgetPorts, settings: ForgetSettings, now: datetime) -> Choice:
    return Choice(
        ids=settings.id or (),
        condition=ports.filter(settings.where) if settings.where else None,
        deleted_by=now - settings.older_than if settings.older_than is not None else None,
    )


def _needs(selection: Selection) -> int | None:
    """The number that a person has to give; None if none is needed."""
    return selection.count if selection.count > LARGEST_SHARE * selection.outputs else None


def _check_share(settings: ForgetSettings, selection: Selection) -> None:
    needs = _needs(selection)
    if settings.yes_really is not None and settings.yes_really != selection.count:
        raise ConfigurationError(
            f"yes_really is {settings.yes_really:,}, but {selection.count:,} outputs are chosen; nothing was changed",
            hint="look at the list without --yes and --yes-really, and give the number that it names",
        )
    if needs is not None and settings.yes_really is None:
        raise ConfigurationError(
            f"{needs:,} of {selection.outputs:,} outputs are chosen, more than 10 % of the archive; nothing was changed",
            hint=f"look at the list without --yes; if it is right, pass --yes-really {needs}",
        )


@dataclass(slots=True)
class _Forgetting:
    """One forget, once it is known what is chosen."""

    ports: ForgetPorts
    settings: ForgetSettings
    file: CheckpointFile
    checkpoint: Checkpoint
    selection: Selection
    notify: ProgressListener
    started: datetime
    run_id: str
    eraser: Eraser = field(init=False)
    reports: Reports = field(init=False)
    notes: tuple[str, ...] = ()
    left: tuple[Forgetting, ...] = ()

    def __post_init__(self) -> None:
        ports, layout = self.ports, self.settings.layout
        self.eraser = Eraser(ports.store, ports.manifest, layout, self.notify)
        self.reports = Reports(ports.store, layout)

    async def forget(self, recorder: Recorder) -> None:
        """Do it. Raises ConfigurationError if it is not allowed, or if a lock keeps something. A report is left in any case."""
        await self.eraser.check_allowed()
        self.notes = await recorder.begin()
        try:
            await self._forget(recorder)
        except ArchiveError:
            recorder.found = tuple(self.report.erased_in_words())
            raise
        await recorder.write(self.report.to_document())

    async def _forget(self, recorder: Recorder) -> None:
        due, layout = self.checkpoint.forgetting, self.settings.layout
        continued = await records.recorded(self.ports.store, layout, due) if due else {}
        named = [row async for row in self._still_named(continued)]
        named += [row for each in self.selection.chosen for row in each.rows]
        ids, words = {row.output_id for row in named}, words_of(named)
        # An error may quote the key of an image, which has a part of its hash.
        recorder.clean = lambda document: redacted(document, ids, ids | words)
        rows = [row for each in self.selection.chosen for row in each.forgotten(self.run_id)]
        days = {each.day for each in self.selection.chosen} | self.selection.again | {*continued}
        days |= {day for each in due for day in each.days}
        committer = self._committer()
        if rows:
            await records.write_record(self.ports.store, layout, self.started, self.run_id, rows, self.settings.reason)
        await committer.amend(lambda found: still_forgetting(found, self.run_id, days, self.started))
        await self.reports.redact(ids, words)
        await self.eraser.erase_reports(self.reports.unreadable)
        await _commit(committer, [*rows, *(row for of_day in continued.values() for row in of_day)])
        self.notify(Progress(stage="forgetting", written=committer.written))
        ids |= await self.eraser.erase_days(days, expected_days(committer.checkpoint))
        await self.reports.redact(ids, words)
        await self.eraser.erase_set_aside(days)
        await self.eraser.erase_earlier_reports()
        if self.eraser.locked:
            raise _locked(layout, self.eraser.locked)
        await committer.amend(lambda found: all_forgotten(found, self.run_id, due, self.ports.clock.now()))
        self.left = committer.checkpoint.forgetting

    async def _still_named(self, continued: Mapping[date, Sequence[Row]]) -> AsyncIterator[Row]:
        """Iterate over the rows that a forget was to mark and has not: only they know what reports may call the images."""
        expected = expected_days(self.checkpoint)
        for day, rows in continued.items():
            partition = await self.ports.manifest.load(day, expected=day in expected)
            for key in {row.key for row in rows}:
                if (row := partition.get(key)) is not None and row.state != State.FORGOTTEN:
                    yield row

    @property
    def report(self) -> ForgetReport:
        chosen = [ForgottenOutput(each.output_id, each.day, each.images, each.bytes) for each in self.selection.chosen]
        return ForgetReport(
            run_id=self.run_id,
            archive=str(self.settings.layout),
            started_at=self.started,
            finished_at=self.ports.clock.now(),
            dry_run=self.settings.is_dry_run,
            selection=self.settings.selection,
            reason=self.settings.reason,
            outputs=tuple(chosen),
            unknown=self.selection.unknown,
            archived=self.selection.outputs,
            siblings=len(self.selection.siblings),
            again=len(self.selection.again),
            continued=len({day for each in self.checkpoint.forgetting for day in each.days}),
            needs=_needs(self.selection),
            erased=dict(self.eraser.erased),
            erased_bytes=self.eraser.bytes,
            redacted=self.reports.redacted,
            notes=self.notes,
            left=self.left,
            changed_days=tuple(each.day for each in self.file.changes.summary()),
            store_requests=self.ports.store.requests,
            partitions=self.file.changes.summary(),
        )

    def _committer(self) -> Committer:
        ports, file = self.ports, self.file
        ledger = Ledger(
            ports.manifest,
            ports.clock,
            self.run_id,
            expects=lambda day: file.current is not None and is_expected(file.current.partitions, day),
        )
        return Committer(ports.manifest, file, ledger, ports.clock, self.run_id, self.checkpoint, is_run=False)


async def _commit(committer: Committer, rows: list[Row]) -> None:
    """Mark the rows. Whole days together, so that each partition is written once."""
    rows.sort(key=lambda row: row.created_at)
    while rows:
        at = COMMIT_ROWS
        while at < len(rows) and rows[at].created_at.date() == rows[at - 1].created_at.date():
            at += 1
        await committer.commit(rows[:at], Coverage())
        rows = rows[at:]


def _locked(layout: Layout, locked: list[tuple[StoredVersion, Lock]]) -> ArchiveError:
    ends = [lock.until for _, lock in locked if lock.until is not None]
    (first, lock), more = locked[0], len(locked) - 1
    others = f" and {more:,} more" if more else ""
    until = f"until {max(ends):%Y-%m-%d %H:%M:%S}Z" if len(ends) == len(locked) else "by a legal hold, which has no end"
    return ConfigurationError(
        f"{layout.uri(first.key)} (version {first.version_id}){others} cannot be deleted: Object Lock ({lock.mode}) keeps it "
        f"{until}",
        hint="the rows are forgotten, no run copies the images again, and everything else was deleted; once the lock has ended "
        "or was taken away, run `stablecog-archive forget --to ... --yes`",
    )
