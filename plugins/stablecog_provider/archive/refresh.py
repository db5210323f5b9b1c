"""The use case `refresh`: read the history again, and compare it with the manifest output by output.

A count shows neither metadata that changed, nor a late upscale, nor a loss that a deletion evens out. Reading again does. It uses
the second reading that every run does a slice of, and never moves the watermark.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar

from ..errors import ConfigurationError
from ..model.checkpoint import Checkpoint
from ..model.coverage import Coverage
from ..model.object_keys import Layout
from .committing.commit import Committer
from .committing.pipeline import Pipeline
from .committing.starting_point import starting_point
from .committing.tally import Tally
from .copying.concurrency import DEFAULT_CONCURRENCY
from .copying.stored_images import StoredImages
from .copying.transfer import Transfer
from .listing.budget import MeasuredSource
from .listing.pace import Everything, Pace, RefreshBudget, Within, WithinBudget
from .opening import Opening, open_run
from .phases import Phases
from .ports import Ports, ProgressListener
from .proving.conclusion import conclude
from .recording import Recorder, recorded
from .reports.refresh import RefreshReport
from .reports.wording import damage_in_words
from .run_settings import ArchiveSettings, check_within

NOTHING_NEW = Coverage()


# Without slots, so that a default can be read as a class attribute, as of ArchiveSettings.
@dataclass(frozen=True)
class RefreshSettings:
    """What one refresh does. Raises ConfigurationError if a value cannot be used.

    - `layout`: the bucket and the prefix of the archive.
    - `budget`: how much to spend: requests to the source (`500requests`) or a time (`10m`). At least one slice is
      read. None: no bound.
    - `within`: read as much as keeps the promise that everything was read within this time. None: everything.
    - `concurrency`: upper limit on parallel copies of images that are found missing.
    - `allow_unsafe_store`: continue if the store ignores conditional writes.
    """

    BOUNDS: ClassVar[Mapping[str, tuple[int, int]]] = MappingProxyType({"concurrency": (1, 1024)})

    layout: Layout
    budget: str | None = None
    within: timedelta | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    allow_unsafe_store: bool = False

    def __post_init__(self) -> None:
        if self.budget is not None:
            RefreshBudget.parse(self.budget)
        check_within("within", self.within)
        ArchiveSettings(self.layout, concurrency=self.concurrency, allow_unsafe_store=self.allow_unsafe_store)


async def refresh(
    ports: Ports, settings: RefreshSettings, on_progress: ProgressListener | None = None
) -> RefreshReport:
    """Read again, least recently read first; archive what is missing, mark what is deleted, and compare the counts. Raises
    ArchiveError; what was read before stays noted, and the next refresh goes on from there.
    """
    started, run_id = ports.clock.now(), uuid.uuid4().hex[:12]
    async with recorded(Recorder(ports.store, settings.layout, ports.clock, "refresh", run_id, started)) as recorder:
        return await _refresh(ports, settings, on_progress, recorder)


async def _refresh(
    ports: Ports, settings: RefreshSettings, on_progress: ProgressListener | None, recorder: Recorder
) -> RefreshReport:
    started, run_id, layout = recorder.started, recorder.run_id, settings.layout
    ports = replace(ports, source=MeasuredSource(ports.source))
    bounds = ArchiveSettings(layout, concurrency=settings.concurrency)
    opened = await open_run(ports, bounds, started, run_id)
    if opened.file.current is None:
        raise ConfigurationError(
            f"there is no archive at {layout} (no checkpoint.json)",
            hint="check the address; the first `stablecog-archive run` creates an archive",
        )
    start = await starting_point(ports, layout, opened.file, opened.asked, run_id, unsafe=settings.allow_unsafe_store)
    not_ended = await recorder.begin()
    phases = await _phases(ports, bounds, opened, start.checkpoint, recorder, on_progress or (lambda _: None))
    known = phases.committer.checkpoint.on(opened.asked.capabilities.axis)
    pace = _pace(settings, known, started)
    limited = (
        WithinBudget(RefreshBudget.parse(settings.budget), pace, ports.source, ports.monotonic)
        if settings.budget
        else None
    )
    read = await phases.read(NOTHING_NEW, opened.slice_, limited or pace)
    # If no cursor leads to an old place, everything can only be read from the top, which the proof does.
    proof, repaired = await phases.prove(
        NOTHING_NEW, read, read_whole=opened.slice_ is None and settings.within is None
    )
    tally = Tally.sum((read, repaired, Tally(read=phases.refreshing.so_far.outputs)))
    saved, outcome = await conclude(
        phases.committer, proof, run_id, None, phases.read_at, ports.clock.now(), phases.refreshing.noted
    )
    report = RefreshReport(
        run_id=run_id,
        archive=str(layout),
        source=ports.source.address,
        started_at=started,
        finished_at=ports.clock.now(),
        outcome=outcome,
        budget=settings.budget,
        spent=limited is not None and limited.spent,
        slices=phases.refreshing.so_far.slices,
        **tally.counts(),
        changed_days=tuple(sorted(phases.committer.written | {*opened.inventory.changed})),
        images=saved.images,
        coverage=saved.refresh(ports.clock.now()),
        sweep=saved.sweep,
        proof=proof.proof,
        differences=saved.differences,
        reread=saved.reread,
        source_requests=ports.source.requests,
        store_requests=ports.store.requests,
        claims=proof.claims,
        partitions=opened.file.changes.summary(),
        notes=(*damage_in_words(saved.damage), *not_ended, *phases.all_notes),
    )
    await recorder.write(report.to_document())
    return report


def _pace(settings: RefreshSettings, known: Checkpoint, now: datetime) -> Pace:
    return Everything() if settings.within is None else Within(settings.within, known, now)


async def _phases(
    ports: Ports,
    bounds: ArchiveSettings,
    opened: Opening,
    start: Checkpoint,
    recorder: Recorder,
    on_progress: ProgressListener,
) -> Phases:
    read_at = min(recorder.started, opened.asked.page.source_time)
    committer = Committer(
        ports.manifest, opened.file, opened.ledger, ports.clock, recorder.run_id, start, is_run=False, read_at=read_at
    )
    await committer.note(opened.inventory, {})
    transfer = Transfer(
        ports.images,
        ports.store,
        bounds.layout,
        concurrency=bounds.concurrency,
        bytes_in_flight=bounds.bytes_in_flight,
        any_archived=committer.checkpoint.images.archived > 0,
        sleep=ports.sleep,
        monotonic=ports.monotonic,
    )
    pipeline = Pipeline(
        ledger=opened.ledger,
        transfer=transfer,
        stored_images=StoredImages(ports.store, bounds.layout),
        committer=committer,
        clock=ports.clock,
        on_progress=on_progress,
    )
    return Phases(
        ports,
        bounds,
        opened.asked,
        opened.ledger,
        committer,
        pipeline,
        recorder.started,
        opened.settled,
        recorder.run_id,
    )
