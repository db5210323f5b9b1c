"""Into another archive: images, rows and a checkpoint that claims no more than was copied.

`restored-from.json` is written first and says what is copied here, so that a killed copy goes on and no other archive is ever
mixed with it. The checkpoint comes next, without coverage, and announces the days: the place is a valid archive from then on.
Each day is its images, then its rows. The last write is the checkpoint with the coverage that was copied.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from ...errors import ConfigurationError
from ...model.checkpoint import Checkpoint, Intent
from ...model.coverage import Axis
from ...model.manifest import Row, State
from ...model.object_keys import Layout
from ...model.partition_summary import PartitionSummary
from ...model.row_lifecycle import copies_of, missing
from ..committing.intent import still_forgetting
from ..committing.inventory import marked
from ..committing.moves import place_of
from ..copying.byte_budget import ByteBudget
from ..copying.transfer import SOURCE_URL
from ..forgetting.records import copy_records
from ..naming.ports import Kind
from ..ports import Absent, Condition, Conflict, Partition, Unchanged
from ..reports.restore import Problem
from ..resilience.retry import STORE_RETRIES
from .files import BYTES_IN_MEMORY, MIB
from .moved_rows import moved_to
from .names import BOTH
from .ports import Bucket
from .selection import Archived, Choice, Selected
from .stored_image import NotWhole, verified
from .tally import Tally
from .workers import each_of, for_each

DAYS_AT_ONCE = 4
UNKNOWN_SOURCE = "unknown"
"""The source's address, if the archive that was copied has no checkpoint. The first run writes its own."""
_FOLDERS = ("images", "manifest", "models", "runs", "changes", "forgotten", "damaged")


@dataclass(slots=True)
class AnotherArchive:
    """One copy of an archive, or of a part of it, to `place`."""

    archived: Archived
    bucket: Bucket
    place: Layout
    choice: Choice
    selected: Selected
    tally: Tally
    now: Callable[[], datetime]
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    summaries: dict[date, PartitionSummary] = field(default_factory=dict)
    changed: list[date] = field(default_factory=list)
    still_there: set[date] = field(default_factory=set)
    """Days of which the place holds images or earlier versions of outputs that were forgotten since they were copied."""
    budget: ByteBudget = field(default_factory=lambda: ByteBudget(BYTES_IN_MEMORY))

    async def check(self, selection: Mapping[str, object]) -> None:
        """Raises ConfigurationError if anything but this very copy, begun earlier, is at the place."""
        if self._same_store() and (self.place == self.archived.layout or self._is_inside()):
            raise ConfigurationError(
                f"{self.archived.layout} cannot be restored into itself", hint="name another bucket or prefix"
            )
        stored = await self._get(self.place.restored_from)
        if stored is None:
            if held := await self._holds():
                raise ConfigurationError(
                    f"{self.place} holds {held} of another archive; nothing was changed",
                    hint="name an empty prefix: two archives are never mixed",
                )
            return
        try:
            document = json.loads(stored)
            before, self.run_id = document["selection"], str(document["run_id"])
        except (ValueError, LookupError, TypeError):
            before = None
        if before != json.loads(json.dumps(selection)):
            raise ConfigurationError(
                f"{self.place} holds what another restore has copied; nothing was changed",
                hint=f"name an empty prefix, or repeat the restore that {self.place.restored_from} describes",
            )
        checkpoint = await self._get(self.place.checkpoint)
        if checkpoint is not None and Checkpoint.from_json(checkpoint).run_id != self.run_id:
            raise ConfigurationError(
                f"a run has gone on in {self.place} since it was copied; nothing was changed",
                hint="name an empty prefix",
            )

    async def copy(self, selection: Mapping[str, object], at_once: int) -> bool:
        """Copy what was selected. Return whether the place has the coverage of the whole archive."""
        note = {"run_id": self.run_id, "selection": selection}
        await self._put_first(self.place.restored_from, json.dumps(note, indent=1).encode() + b"\n")
        await self._begin()
        await self._copy_registers()
        # So that a rebuild there forgets again what was forgotten here.
        await copy_records(self.archived.store, self.archived.layout, self.bucket.store, self.place)
        each = max(1, at_once // DAYS_AT_ONCE)
        days = self.archived.days
        partitions = self.archived.partitions(days, self.selected.unreadable)
        await for_each(partitions, partial(self._day, at_once=each), DAYS_AT_ONCE)
        complete = self._is_complete(selection)
        await self._conclude(complete)
        return complete

    def _same_store(self) -> bool:
        return self.bucket.store.address == self.archived.store.address

    def _is_inside(self) -> bool:
        """Whether the place is in a folder that the archive itself uses."""
        layout, place = self.archived.layout, self.place
        return place.bucket == layout.bucket and any(
            f"{place.prefix}/".startswith(layout.key(f"{folder}/")) for folder in _FOLDERS
        )

    async def _holds(self) -> str:
        """What of an archive is at the place; empty if nothing is."""
        store, place = self.bucket.store, self.place
        if await self._get(place.checkpoint) is not None:
            return "the checkpoint"
        for name, folder in (("the manifest", place.manifest), ("images", place.images)):
            async for _ in store.list(folder):
                return name
        return ""

    async def _get(self, key: str) -> bytes | None:
        stored = await STORE_RETRIES.call(partial(self.bucket.store.get, key), self.archived.sleep)
        return stored.body if stored else None

    async def _put_first(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        """Write the object if it does not exist."""

        async def put() -> None:
            try:
                await self.bucket.store.put(key, body, content_type=content_type, condition=Absent())
            except Conflict:
                return

        await STORE_RETRIES.call(put, self.archived.sleep)
        if key == self.place.restored_from and await self._get(key) != body:
            raise ConfigurationError(
                f"another restore into {self.place} has just begun", hint="wait for it to end, or name another prefix"
            )

    async def _begin(self) -> None:
        announced = Intent(self.run_id, tuple(self.archived.days), self.now())
        await self._put_first(self.place.checkpoint, replace(self._bare(), intents=(announced,)).to_json())

    async def _copy_registers(self) -> None:
        """Copy the names of models as they are. A run at the place has newer ones, which are kept."""
        for kind in Kind:
            held = await STORE_RETRIES.call(
                partial(self.archived.store.get, self.archived.layout.register(kind)), self.archived.sleep
            )
            if held is not None:
                await self._put_first(self.place.register(kind), held.body, "application/vnd.apache.parquet")

    def _bare(self) -> Checkpoint:
        """A checkpoint that claims nothing."""
        known = self.archived.checkpoint
        return Checkpoint(
            source=known.source if known else UNKNOWN_SOURCE,
            axis=known.axis if known else Axis.COMPLETED,
            account=known.account if known else (),
            places=(place_of(self.bucket.store, self.place),),
            run_id=self.run_id,
            saved_at=self.now(),
        )

    async def _day(self, partition: Partition, at_once: int) -> None:
        """Copy a day: every image that its rows name, then the rows. Rows of forgotten outputs are copied whatever is selected: a
        run there must not copy their images.
        """
        held = await self.bucket.manifest.load(partition.day)
        forgotten = held.forgotten_ids()
        rows = [row for row in await self.choice.rows(partition) if self._is_wanted(row, forgotten)]
        there = await self._sizes(partition.day)
        copied = [row for row in partition.rows() if row.state == State.FORGOTTEN]

        async def copy(row: Row) -> None:
            copied.append(await self._row(row, there))

        await for_each(each_of(rows), copy, at_once)
        written = await self.bucket.manifest.merge(partition.day, copied, run_id=self.run_id)
        if written.version:
            self.summaries[partition.day] = written.summary()
        if (written.forgotten_ids() - forgotten and held.version) or self._has_images_of(
            written.forgotten_ids(), there
        ):
            self.still_there.add(partition.day)
        known = self.archived.checkpoint
        summary = known.partitions.get(partition.day) if known else None
        if summary is None or not summary.is_version(partition.version):
            self.changed.append(partition.day)

    def _is_wanted(self, row: Row, forgotten: set[str]) -> bool:
        drawn = self.selected.sample is None or self.selected.has(row)
        return drawn and row.state != State.FORGOTTEN and row.output_id not in forgotten

    def _has_images_of(self, output_ids: set[str], there: Mapping[str, int]) -> bool:
        return any((parsed := self.place.parse_image(key)) and parsed.output_id in output_ids for key in there)

    async def _sizes(self, day: date) -> dict[str, int]:
        """The images of the day that an earlier attempt has copied."""
        return {listed.key: listed.size async for listed in self.bucket.store.list(self.place.images_of(day))}

    async def _row(self, row: Row, there: Mapping[str, int]) -> Row:
        """Copy the images of a row, and return the row as it is at the place."""
        result = moved_to(self.place, row)
        for number, stored in enumerate(copies_of(row)):
            is_current = number == 0 and row.uri is not None
            try:
                async with self.budget.reserved(stored.bytes or MIB):
                    size = await self._image(stored, there)
            except NotWhole as error:
                if is_current:
                    self.tally.failed_for(row, error)
                    result = missing(result, self.now(), f"not restored: {error.detail}")
                else:
                    self.tally.note(Problem(error.kind, error.key, row.output_id, row.rendition, error.detail))
                continue
            if is_current:
                self.tally.wrote(size) if size else self.tally.had()
        return result

    async def _image(self, stored: Any, there: Mapping[str, int]) -> int:
        """Copy one image, unless it is there. Return its bytes, or 0 if it was there. Raises NotWhole."""
        target = self.place.own_image(stored.uri)
        if target is not None and stored.bytes and there.get(target) == stored.bytes:
            return 0
        archived = self.archived
        found = await verified(archived.store, archived.layout, stored, archived.sleep)
        metadata = {name: text for name, text in found.metadata.items() if name in ("sha256", SOURCE_URL)}
        put = partial(
            self.bucket.store.put,
            str(target),
            found.body,
            content_type=stored.content_type or "application/octet-stream",
            metadata=metadata,
        )
        await STORE_RETRIES.call(put, archived.sleep)
        return len(found.body)

    def _is_complete(self, selection: Mapping[str, object]) -> bool:
        """Whether all of the archive was copied, so that its coverage holds here. Images that failed are marked in their rows."""
        everything = not selection["where"] and selection["rendition"] == BOTH and self.selected.sample is None
        return everything and self.archived.checkpoint is not None and not self.selected.unreadable

    async def _conclude(self, complete: bool) -> None:
        known = self.archived.checkpoint
        checkpoint = replace(self._bare(), partitions=self.summaries)
        if complete and known is not None:
            claimed = replace(
                known,
                partitions=self.summaries,
                places=checkpoint.places,
                unchecked={},
                storing=(),
                deletions_allowed=0,
                intents=(),
                store_probed="",
                store_probed_at=None,
                run_id=self.run_id,
                saved_at=self.now(),
            )
            # What was written while this copied may be newer than the coverage says: the next run reads those days again.
            checkpoint = marked(claimed, self.changed)
        await STORE_RETRIES.call(partial(self._swap, checkpoint), self.archived.sleep)

    async def _swap(self, checkpoint: Checkpoint) -> None:
        store, key = self.bucket.store, self.place.checkpoint
        found = await store.get(key)
        condition: Condition = Unchanged(found.version) if found else Absent()
        known = Checkpoint.from_json(found.body) if found else self._bare()
        overtaken = known.run_id != self.run_id
        # What is damaged or still to be deleted there, and its change log, are no other archive's business.
        checkpoint = replace(
            checkpoint, forgetting=known.forgetting, damage=known.damage, changes_recorded=known.changes_recorded
        )
        if self.still_there:
            checkpoint = still_forgetting(checkpoint, self.run_id, self.still_there, self.now())
        try:
            if not overtaken:
                await store.put(key, checkpoint.to_json(), content_type="application/json", condition=condition)
                return
        except Conflict:
            pass
        raise ConfigurationError(
            f"a run has gone on in {self.place} while it was copied; its coverage was not written",
            hint=f"run `stablecog-archive run --to {self.place}`: it reads what is missing",
        )
