"""Deletes for good what the bucket still holds of forgotten outputs: images, and every object that held their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

from ...model.object_keys import Layout
from ..ports import Manifest, Progress, ProgressListener
from ..resilience.together import together
from .ports import ErasableObjects, Lock, StoredVersion

AT_ONCE = 32
_UNUSED = ".forget-check"
"""A name that no object has. Deleting a version of it shows whether deleting is allowed."""


@dataclass(slots=True)
class Eraser:
    """One forget's. `erased`: number of deleted versions by what they were: `images`, `partitions`, `set_aside`, `reports`.
    `bytes`: of the deleted images. `locked`: versions that a lock keeps, with the lock.
    """

    store: ErasableObjects
    manifest: Manifest
    layout: Layout
    on_progress: ProgressListener
    erased: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    locked: list[tuple[StoredVersion, Lock]] = field(default_factory=list)

    async def check_allowed(self) -> None:
        """Raises ConfigurationError if versions may not be listed or deleted. Changes nothing."""
        async for _ in self.store.all_versions(self.layout.forgotten):
            break
        for folder in (self.layout.images, self.layout.manifest, self.layout.runs, self.layout.damaged):
            await self.store.erase(folder + _UNUSED, "null")

    async def erase_days(self, days: Collection[date], expected: Collection[date]) -> set[str]:
        """Delete the images of all forgotten outputs of these days, and the earlier versions of their partitions. Returns the ids
        of these outputs. Raises ArchiveDamaged if the partition of an `expected` day is missing: only it names them.
        """
        found = set[str]()
        for number, day in enumerate(sorted(days)):
            self.on_progress(Progress(done=number, planned=len(days), bytes=self.bytes, stage="deleting"))
            # Looked up one by one: some stores list a new object only after a delay.
            partition = await self.manifest.load(day, expected=day in expected)
            if not partition.version:
                continue
            ids = partition.forgotten_ids()
            found |= ids
            versions = [each async for each in self.store.all_versions(self.layout.images_of(day))]
            images = [each for each in versions if (at := self.layout.parse_image(each.key)) and at.output_id in ids]
            self.bytes += sum(each.size for each in images)
            await self._erase("images", images)
            await self._erase("partitions", await self._earlier(self.layout.partition(day)))
        return found

    async def erase_set_aside(self, days: Collection[date]) -> None:
        """Delete partitions of these days that were set aside because they could not be read: nobody can take a row out."""
        versions = [each async for each in self.store.all_versions(self.layout.damaged)]
        await self._erase("set_aside", [each for each in versions if self.layout.parse_set_aside(each.key) in days])

    async def erase_reports(self, keys: Iterable[str]) -> None:
        """Delete these reports, with their earlier versions."""
        await self._erase("reports", [each for key in keys async for each in self.store.all_versions(key)])

    async def erase_earlier_reports(self) -> None:
        """Delete earlier versions of reports: they hold what was taken out of them."""
        await self._erase("reports", await self._earlier(self.layout.runs))

    async def _earlier(self, prefix: str) -> list[StoredVersion]:
        return [each async for each in self.store.all_versions(prefix) if not each.is_latest]

    async def _erase(self, what: str, versions: Iterable[StoredVersion]) -> None:
        left = list(versions)
        for at in range(0, len(left), AT_ONCE):
            some = left[at : at + AT_ONCE]
            locks = await together(self.store.erase(each.key, each.version_id) for each in some)
            for version, lock in zip(some, locks, strict=True):
                if lock is not None:
                    self.locked.append((version, lock))
                else:
                    self.erased[what] += not version.is_marker
