"""What a forget is about: outputs, each with the day that holds it, and all that the manifest says about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time

from ...model.manifest import Row, State
from ...model.object_keys import Layout, Rendition
from ...model.row_lifecycle import Copy, copies_of, forgotten, stored
from ..ports import Manifest, Partition, Progress, ProgressListener
from ..row_filter import RowFilter
from .ports import ErasableObjects


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to choose: `ids`; rows for which `condition` is true; or outputs that the source deleted at `deleted_by` or before.
    An output is chosen as a whole, with all its images. By default, nothing is chosen.
    """

    ids: Collection[str] = ()
    condition: RowFilter | None = None
    deleted_by: datetime | None = None

    async def ids_in(self, partition: Partition) -> Iterable[str]:
        """Return the ids of the outputs of the day that are chosen; of `ids`, perhaps some that it does not hold."""
        if self.condition is not None:
            return [row.output_id for row in await self.condition.rows(partition) if row.state != State.FORGOTTEN]
        if self.deleted_by is not None:
            return _deleted(partition.rows(), self.deleted_by)
        return self.ids


@dataclass(frozen=True, slots=True)
class Chosen:
    """An output on the day that holds it, with its rows."""

    output_id: str
    day: date
    rows: tuple[Row, ...]

    @property
    def images(self) -> int:
        """Number of stored images, earlier ones included."""
        return sum(len(copies_of(row)) for row in self.rows)

    @property
    def bytes(self) -> int:
        return sum(copy.bytes or 0 for row in self.rows for copy in copies_of(row))

    def forgotten(self, run_id: str) -> list[Row]:
        """The rows as they are once the output is forgotten. An image that the source may yet offer is forgotten beforehand."""
        by_rendition = {row.rendition: forgotten(row) for row in self.rows}
        upscaled = forgotten(replace(self.rows[0], rendition=Rendition.UPSCALED))
        by_rendition.setdefault(Rendition.UPSCALED, upscaled)
        return [replace(row, run_id=run_id) for row in by_rendition.values()]


@dataclass(slots=True)
class Selection:
    """`chosen`: outputs to forget. `again`: days that hold outputs which were named and are forgotten already. `unknown`: ids
    that the manifest does not hold. `outputs`: how many outputs of the archive are not forgotten. `siblings`: outputs of the same
    generations that are not chosen: they have the same prompt.
    """

    chosen: list[Chosen] = field(default_factory=list)
    again: set[date] = field(default_factory=set)
    unknown: tuple[str, ...] = ()
    outputs: int = 0
    siblings: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        return len({each.output_id for each in self.chosen})


async def select(
    manifest: Manifest, days: Iterable[date], expected: Collection[date], choice: Choice, on_progress: ProgressListener
) -> Selection:
    """Read every partition. Raises ArchiveDamaged if one cannot be read, or is missing on an `expected` day: nobody knows what
    it holds.
    """
    selection, days, known = Selection(), sorted(days), set[str]()
    for number, day in enumerate(days):
        on_progress(Progress(done=number, planned=len(days), stage="reading the manifest"))
        partition = await manifest.load(day, expected=day in expected)
        selection.outputs += partition.output_count()
        before = len(selection.chosen)
        for output_id in dict.fromkeys(await choice.ids_in(partition)):
            found = (partition.get((output_id, rendition)) for rendition in Rendition)
            rows = tuple(row for row in found if row is not None)
            if not rows:
                continue
            known.add(output_id)
            if any(row.state != State.FORGOTTEN for row in rows):
                selection.chosen.append(Chosen(output_id, day, rows))
            else:
                selection.again.add(day)
        selection.siblings |= _siblings(partition, selection.chosen[before:])
    selection.unknown = tuple(each for each in dict.fromkeys(choice.ids) if each not in known)
    return selection


async def add_left_behind(selection: Selection, store: ErasableObjects, layout: Layout, now: datetime) -> None:
    """Choose the outputs that were named, of which the manifest holds nothing, but the bucket images: their rows were lost. What
    stands for their rows is not counted, unless the source lists the output again.
    """
    rows: dict[tuple[date, str], dict[str, Row]] = {}
    if not selection.unknown:
        return
    async for version in store.all_versions(layout.images):
        key = layout.parse_image(version.key)
        if key is None or version.is_marker or key.output_id not in selection.unknown:
            continue
        of_output = rows.setdefault((key.day, key.output_id), {})
        row = of_output.get(key.rendition) or Row(
            output_id=key.output_id,
            rendition=key.rendition,
            created_at=datetime.combine(key.day, time(), UTC),
            state=State.FAILED,
            first_seen_at=now,
            last_seen_at=now,
            deleted_at=now,
            run_id="",
            raw="{}",
        )
        of_output[key.rendition] = stored(row, Copy(now, None, layout.uri(version.key), None, version.size, None))
    selection.chosen += [
        Chosen(output_id, day, tuple(found.values())) for (day, output_id), found in sorted(rows.items())
    ]
    known = {output_id for _, output_id in rows}
    selection.unknown = tuple(each for each in selection.unknown if each not in known)


def _siblings(partition: Partition, chosen: Sequence[Chosen]) -> set[str]:
    """The outputs of the day that are not chosen, of a generation of which one is."""
    if not chosen:
        return set()
    generations = {row.generation_id for each in chosen for row in each.rows} - {None}
    ids = {each.output_id for each in chosen}
    return {row.output_id for row in partition.rows() if row.generation_id in generations and row.output_id not in ids}


def _deleted(rows: Iterable[Row], by: datetime) -> list[str]:
    """The outputs all of whose rows were marked as deleted by then."""
    old, others = dict[str, None](), set[str]()
    for row in rows:
        if row.state == State.FORGOTTEN or row.deleted_at is None or row.deleted_at > by:
            others.add(row.output_id)
        else:
            old[row.output_id] = None
    return [output_id for output_id in old if output_id not in others]
