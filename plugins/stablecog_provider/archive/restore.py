"""Restore images from an archive: to files of a folder, into another archive, or for a drill to a scratch folder.

Nothing is written to the archive that is restored from, and its checkpoint is not needed: the manifest is enough. Every image
is compared with its recorded size and SHA-256 before it appears. A restore that was killed is repeated with the same command:
what is there is skipped.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from ..errors import ConfigurationError
from ..model.object_keys import Layout
from .naming.reading import names_of
from .ports import Progress, ProgressListener
from .reports.restore import Compared, Problem, RestoreReport
from .restoring.another_archive import AnotherArchive
from .restoring.contact_sheet import ContactSheet
from .restoring.drill import compare_with_source
from .restoring.files import Files
from .restoring.names import BOTH, DEFAULT_TEMPLATE, RENDITIONS, FileNames
from .restoring.ports import Folder, RestorePorts
from .restoring.selection import Archived, Choice, Sample, Selected, select
from .restoring.tally import Tally

__all__ = ["RestoreReport", "RestoreSettings", "restore"]

DRILL_SAMPLE = 20


# Without slots, so that a default can be read as a class attribute, as of ArchiveSettings.
@dataclass(frozen=True)
class RestoreSettings:
    """What one restore does. Exactly one of `to_folder`, `into` and `drill` says where to.

    - `layout`: the archive to restore from.
    - `to_folder`: a folder of this machine; created if it does not exist.
    - `into`: the place of another archive.
    - `drill`: restore to a scratch folder, compare with the source, and remove the folder.
    - `where`: a DuckDB expression over the manifest's columns; empty for all rows.
    - `rendition`: `original`, `upscaled` or `both`.
    - `template`: how files are named; its fields are in `restoring/names.py`.
    - `sidecars`: write the row of each image as JSON beside it.
    - `contact_sheet`: write `index.html` with thumbnails.
    - `sample`: restore this many images, drawn at random; 0 for all. A drill draws 20 by default.
    - `seed`: of the drawing; None for another one each time.
    - `dry_run`: count what would be restored; write nothing.
    - `overwrite`: replace other files of the same name.
    - `concurrency`: upper limit on images at the same time.
    """

    layout: Layout
    to_folder: str = ""
    into: Layout | None = None
    drill: bool = False
    where: str = ""
    rendition: str = BOTH
    template: str = DEFAULT_TEMPLATE
    sidecars: bool = False
    contact_sheet: bool = False
    sample: int = 0
    seed: int | None = None
    dry_run: bool = False
    overwrite: bool = False
    concurrency: int = 16

    BOUNDS: ClassVar[Mapping[str, tuple[int, int]]] = MappingProxyType(
        {"sample": (0, 1_000_000), "seed": (0, 2**63 - 1), "concurrency": (1, 256)}
    )

    def __post_init__(self) -> None:
        if sum((bool(self.to_folder), self.into is not None, self.drill)) != 1:
            raise ConfigurationError(
                "a restore needs exactly one destination", hint="pass one of --to-folder DIR, --into s3://..., --drill"
            )
        if self.rendition not in RENDITIONS:
            raise ConfigurationError(f"there is no rendition {self.rendition!r}", hint=f"write {', '.join(RENDITIONS)}")
        for name, (least, greatest) in self.BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= greatest:
                raise ConfigurationError(
                    f"`{name}` is {value}, which is out of bounds", hint=f"write {least} to {greatest}"
                )
        of_files = {"sidecars": self.sidecars, "contact_sheet": self.contact_sheet, "overwrite": self.overwrite}
        unused = [name for name, asked in of_files.items() if asked and not self.to_folder]
        if unused:
            raise ConfigurationError(
                f"`{unused[0]}` needs a folder", hint="pass it with --to-folder DIR, or leave it out"
            )
        if self.into is not None and self.sample and self.seed is None:
            raise ConfigurationError(
                "a sample into another archive needs a seed", hint="pass --seed N, so that it can go on"
            )
        self.names()

    def names(self) -> FileNames:
        return FileNames.of(self.template, self.rendition)

    @property
    def drawn(self) -> int:
        """How many images are drawn at random; 0 for all."""
        return self.sample or (DRILL_SAMPLE if self.drill else 0)


async def restore(
    ports: RestorePorts, settings: RestoreSettings, on_progress: ProgressListener | None = None
) -> RestoreReport:
    """Restore what the settings select. Raises ArchiveError; whatever was written by then is whole."""
    notify: ProgressListener = on_progress or (lambda _: None)
    started = ports.clock.now()
    choice = Choice(ports.filter(settings.where) if settings.where.strip() else None, settings.rendition)
    archived = await Archived.found(ports.store, ports.manifest, settings.layout, ports.sleep)
    seed = secrets.randbelow(2**31) if settings.seed is None else settings.seed
    sample = Sample(settings.drawn, seed) if settings.drawn else None
    selected = await select(archived, choice, sample, notify)
    work = _Restore(ports, settings, archived, choice, selected, Tally(selected.stored, notify), notify)
    if settings.into is not None:
        await work.into(settings.into)
    else:
        await work.to_folder()
    return work.report(started, seed if sample else None)


@dataclass(slots=True)
class _Restore:
    """One restore, once it is known what is selected."""

    ports: RestorePorts
    settings: RestoreSettings
    archived: Archived
    choice: Choice
    selected: Selected
    tally: Tally
    notify: ProgressListener
    to: str = ""
    sheet: str | None = None
    free: int | None = None
    compared: Compared | None = None
    complete: bool = False

    async def to_folder(self) -> None:
        settings = self.settings
        if settings.dry_run:
            self.to, self.free = settings.to_folder, self.ports.free(settings.to_folder) if settings.to_folder else None
            return
        thumbnails = self.ports.thumbnails() if settings.contact_sheet else None
        async with self.ports.folder(settings.to_folder or None) as folder:
            self.to = folder.address
            files = Files(
                self.archived,
                folder,
                settings.names(),
                self.tally,
                sidecars=settings.sidecars,
                thumbnails=thumbnails,
                overwrite=settings.overwrite,
            )
            await files.restore(self.selected, self.choice, settings.concurrency)
            if thumbnails:
                await self._write_sheet(folder)
            if settings.drill:
                compared = compare_with_source(
                    self.ports.images, files, self.selected, self.choice, settings.concurrency
                )
                self.compared = await compared

    async def _write_sheet(self, folder: Folder) -> None:
        self.notify(Progress(done=self.tally.done, planned=self.tally.planned, stage="writing the contact sheet"))
        models = (await names_of(self.ports.registers)).models
        sheet = ContactSheet(self.archived, folder, self.settings.names(), self.tally, self.settings.sidecars, models)
        self.sheet = await sheet.write(self.selected, self.choice)

    async def into(self, place: Layout) -> None:
        self.to = str(place)
        async with self.ports.bucket(place) as bucket:
            copy = AnotherArchive(
                self.archived, bucket, place, self.choice, self.selected, self.tally, self.ports.clock.now
            )
            await copy.check(_selection(self.settings))
            if not self.settings.dry_run:
                self.complete = await copy.copy(_selection(self.settings), self.settings.concurrency)

    def report(self, started: datetime, seed: int | None) -> RestoreReport:
        for day, why in self.selected.unreadable.items():
            key = self.archived.layout.partition(day)
            self.tally.note(Problem("unreadable_partition", key, "", "", why))
        tally, selected = self.tally, self.selected
        return RestoreReport(
            archive=str(self.settings.layout),
            to=self.to,
            started_at=started,
            finished_at=self.ports.clock.now(),
            dry_run=self.settings.dry_run,
            drill=self.settings.drill,
            selected=selected.stored,
            selected_bytes=selected.size,
            not_stored=selected.not_stored,
            restored=tally.restored,
            skipped=tally.skipped,
            failed=tally.failed,
            bytes=tally.size,
            found=tally.found,
            problems=tuple(tally.problems),
            sample=self.settings.drawn,
            seed=seed,
            sheet=self.sheet,
            free=self.free,
            compared=self.compared,
            into=self.settings.into is not None,
            complete=self.complete,
        )


def _selection(settings: RestoreSettings) -> dict[str, object]:
    """What decides which rows are copied: another selection into the same place would mix two archives."""
    return {
        "from": str(settings.layout),
        "where": settings.where.strip(),
        "rendition": settings.rendition,
        "sample": settings.drawn,
        "seed": settings.seed,
    }
