"""Compare the stored images with the manifest, and repair what differs. Nothing is ever deleted.

What was read and found intact is noted in its row (`verified_at`), by the same commits as those of a run. So a verify and runs
may be at work at the same time, and a verify that was killed loses what it read since its last commit at most.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import ClassVar

from ..errors import ArchiveError, ConfigurationError
from ..model.checkpoint import Checkpoint
from ..model.damage import NO_DAMAGE, Damage, Unread, after_verify, marks_of
from ..model.finding import Finding
from ..model.object_keys import Layout
from .committing.checkpoint_file import CheckpointFile
from .committing.commit import Committer
from .committing.inventory import expected_days, is_expected
from .committing.ledger import Ledger
from .copying.concurrency import DEFAULT_CONCURRENCY
from .fixity.budget import Budget, Meter
from .fixity.day_check import DayCheck, Level
from .fixity.orphans import Unnamed
from .fixity.repair import Repairer
from .fixity.schedule import Schedule
from .fixity.stored_bytes import StoredBytes
from .ports import BucketPorts, ProgressListener
from .recording import Recorder, recorded
from .reports.verify import SHOWN_FINDINGS, VerifyReport
from .verifying import Verifying


# Without slots, so that a default can be read as a class attribute, as of ArchiveSettings.
@dataclass(frozen=True)
class VerifySettings:
    """What one verify does. Raises ConfigurationError if a value cannot be used.

    - `layout`: the bucket and the prefix of the archive.
    - `level`: `listing` compares the bucket's listing with the manifest, `checksum` asks the store for the SHA-256 that it keeps,
      `content` reads every byte.
    - `budget`: how much to check, least recently verified first: bytes (`50GB`), a time (`2h`) or images (`10000`). None: all.
    - `repair`: put back what is damaged: from an earlier version of the object, else from the source.
    - `concurrency`: upper limit on parallel requests. The actual number adapts to what the store can take.
    """

    BOUNDS: ClassVar[Mapping[str, tuple[int, int]]] = MappingProxyType({"concurrency": (1, 1024)})

    layout: Layout
    level: str = Level.CONTENT.value
    budget: str | None = None
    repair: bool = False
    concurrency: int = DEFAULT_CONCURRENCY

    def __post_init__(self) -> None:
        if self.level not in set(Level):
            raise ConfigurationError(
                f"level: {str(self.level)[:60]!r} is not a level", hint=f"choose one of {', '.join(Level)}"
            )
        if self.budget is not None:
            Budget.parse(self.budget)
        least, greatest = self.BOUNDS["concurrency"]
        if type(self.concurrency) is not int or not least <= self.concurrency <= greatest:
            raise ConfigurationError(
                f"concurrency: {self.concurrency!r} is not a whole number from {least} to {greatest}",
                hint="correct concurrency",
            )
        if not isinstance(self.repair, bool):
            raise ConfigurationError(f"repair: {self.repair!r} is not True or False", hint="correct repair")


async def verify(
    ports: BucketPorts, settings: VerifySettings, on_progress: ProgressListener | None = None
) -> VerifyReport:
    """Check the stored images, and repair them if asked. Raises ArchiveError; what was found intact before stays noted, and a
    report under `runs/` says what was found until then.
    """
    started, run_id = ports.clock.now(), uuid.uuid4().hex[:12]
    async with recorded(Recorder(ports.store, settings.layout, ports.clock, "verify", run_id, started)) as recorder:
        return await _verify(ports, settings, on_progress, recorder)


async def _verify(
    ports: BucketPorts, settings: VerifySettings, on_progress: ProgressListener | None, recorder: Recorder
) -> VerifyReport:
    began, started, run_id, layout = ports.monotonic(), recorder.started, recorder.run_id, settings.layout
    file = CheckpointFile(ports.store, layout, ports.sleep, run_id=run_id)
    checkpoint = await file.load()
    if checkpoint is None:
        raise ConfigurationError(
            f"there is no archive at {layout} (no checkpoint.json)",
            hint="check the address; the first `stablecog-archive run` creates an archive",
        )
    days = sorted({*await ports.manifest.versions(), *expected_days(checkpoint)})
    verifying = _parts(ports, settings, recorder, file, checkpoint, days, on_progress or (lambda _: None))
    not_ended = await recorder.begin()
    try:
        await verifying.run(whole=settings.budget is None)
        findings = await verifying.findings(started)
    except ArchiveError:
        recorder.found = verifying.so_far_in_words()
        with suppress(ArchiveError):
            await _note_damage(verifying, verifying.found, run_id, ended=False)
        raise
    await _note_damage(verifying, findings, run_id, ended=not verifying.meter.spent)
    saved = verifying.committer.checkpoint
    report = VerifyReport(
        run_id=run_id,
        archive=str(layout),
        started_at=started,
        finished_at=ports.clock.now(),
        seconds=round(ports.monotonic() - began, 3),
        level=verifying.level,
        repair=settings.repair,
        budget=settings.budget,
        spent=verifying.meter.spent,
        checked=verifying.checked,
        bytes=verifying.bytes,
        unread=verifying.unread,
        first_unread=verifying.first_unread,
        without_checksum=verifying.without_checksum,
        findings=tuple(findings),
        coverage=saved.verification(ports.clock.now()),
        notes=(*not_ended, *(verifying.repairer.notes if verifying.repairer else ())),
        store_requests=ports.store.requests,
        partitions=file.changes.summary(),
    )
    if len(report.findings) > SHOWN_FINDINGS:
        report = replace(report, all_findings=layout.all_findings(started, run_id))
        await recorder.write_beside(report.all_findings, report.findings_document())
    await recorder.write(report.to_document())
    return report


async def _note_damage(verifying: Verifying, findings: Sequence[Finding], run_id: str, *, ended: bool) -> None:
    """Keep in the checkpoint what no row says. `ended`: everything was looked at on this level."""
    left = [each for each in findings if not each.repaired and not each.known]
    kinds, keys = Counter(each.kind.value for each in left), {each.key for each in left if each.kind not in NO_DAMAGE}
    damage = Damage(verifying.level, run_id, verifying.ports.clock.now(), dict(kinds), marks_of(keys))
    unread, repair = verifying.unread_damage, verifying.repairer is not None
    change = partial(
        after_verify,
        found=damage,
        is_read=lambda known: ended and unread.has_read(known),
        partitions=ended and not unread.partitions,
        repair=repair,
    )
    await verifying.committer.amend(lambda known: replace(known, damage=change(known.damage)))


def _parts(
    ports: BucketPorts,
    settings: VerifySettings,
    recorder: Recorder,
    file: CheckpointFile,
    checkpoint: Checkpoint,
    days: Sequence[date],
    on_progress: ProgressListener,
) -> Verifying:
    """Put the parts of a verify together. `days`: those that have a partition, or should have one."""
    started, run_id, layout = recorder.started, recorder.run_id, settings.layout
    budget = Budget.parse(settings.budget) if settings.budget else None
    stored = StoredBytes(ports.store, concurrency=settings.concurrency, sleep=ports.sleep, monotonic=ports.monotonic)
    ledger = Ledger(
        ports.manifest,
        ports.clock,
        run_id,
        expects=lambda day: file.current is not None and is_expected(file.current.partitions, day),
    )
    meter, level = Meter(budget, ports.monotonic), Level(settings.level)
    return Verifying(
        ports=ports,
        layout=layout,
        level=level,
        days=days,
        stored=stored,
        committer=Committer(ports.manifest, file, ledger, ports.clock, run_id, checkpoint, is_run=False),
        check=DayCheck(ports, layout, level, stored, meter, expected_days(checkpoint)),
        schedule=Schedule(days, checkpoint.partitions, in_slices=budget is not None, before=started),
        meter=meter,
        unnamed=Unnamed(ports, layout),
        repairer=Repairer(ports, layout, stored, concurrency=settings.concurrency) if settings.repair else None,
        on_progress=on_progress,
        unread_damage=Unread.of(checkpoint.damage),
        planned=checkpoint.images.archived + checkpoint.images.lost,
    )
