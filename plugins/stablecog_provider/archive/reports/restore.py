"""The report of a restore: for machines, and in sentences for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...model.documents import document_of
from .wording import SHOWN, counted, size

SHOWN_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be restored.

    `kind`: `missing`, `truncated`, `changed` (right size, wrong bytes), `no_object_name`, `archive_class`, `refused` (by
    the store), `name_taken`, `sidecar_differs`, `unreadable_partition`, `source_differs`. `key`: the object, or the file.
    """

    kind: str
    key: str
    output_id: str
    rendition: str
    detail: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What a drill found at the source. `same`: it serves the very bytes. `different`: it serves others at the same address.
    `replaced`: it names another image by now. `gone`: it has none. `unreachable`: nobody could ask.
    """

    same: int = 0
    different: int = 0
    replaced: int = 0
    gone: int = 0
    unreachable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What one restore found and did.

    `to`: the folder or the archive. `selected`: images that are stored and were asked for, `selected_bytes` in all; `not_stored`:
    those that the archive never held. `restored`: images written, `bytes` in all; `skipped`: those that were there already;
    `failed`: those that could not be restored. `problems`: the first of all `found`. `sheet`: the contact sheet. `free`: bytes
    free on the folder's disk, for a dry run. `complete`: whether an archive was copied as a whole, its coverage included.
    """

    archive: str
    to: str
    started_at: datetime
    finished_at: datetime
    dry_run: bool = False
    drill: bool = False
    selected: int = 0
    selected_bytes: int = 0
    not_stored: int = 0
    restored: int = 0
    skipped: int = 0
    failed: int = 0
    bytes: int = 0
    found: int = 0
    problems: tuple[Problem, ...] = ()
    sample: int = 0
    seed: int | None = None
    sheet: str | None = None
    free: int | None = None
    compared: Compared | None = None
    into: bool = False
    complete: bool = False

    @property
    def outcome(self) -> str:
        """`restored`, `restored, with problems`, or for a dry run `planned`."""
        if self.found:
            return "restored, with problems"
        return "planned" if self.dry_run else "restored"

    @property
    def exit_code(self) -> int:
        """0 all that was asked for is there, 3 something could not be restored."""
        return 3 if self.found else 0

    @property
    def seconds(self) -> float:
        return round((self.finished_at - self.started_at).total_seconds(), 3)

    def counts(self) -> dict[str, Any]:
        """The counts alone, small enough for Airflow's database."""
        names = ("selected", "selected_bytes", "not_stored", "restored", "skipped", "failed", "bytes", "found", "seed")
        counts: dict[str, Any] = {name: getattr(self, name) for name in names}
        compared = document_of(self.compared)
        return {"outcome": self.outcome, "archive": self.archive, "to": self.to, **counts, "compared": compared}

    def explain(self) -> list[str]:
        """What was restored, what was not, and what to do, in plain sentences."""
        lines = self._planned() if self.dry_run else self._done()
        if self.sample:
            lines.append(
                f"This is a random sample. `--seed {self.seed}` draws the same images of the same archive again."
            )
        if self.not_stored:
            lines.append(
                f"{counted(self.not_stored, 'image')} that the selection names {'was' if self.not_stored == 1 else 'were'} never "
                "stored, so there is nothing to restore. `stablecog-archive status` says why."
            )
        return [*lines, *self._compared(), *self._into(), *self._problems()]

    def _planned(self) -> list[str]:
        lines = [
            f"A restore would read {counted(self.selected, 'image')}, {size(self.selected_bytes)}. Nothing was written."
        ]
        if self.free is not None and self.free < self.selected_bytes:
            lines.append(f"{self.to} has {size(self.free)} free, which is not enough unless images are there already.")
        return lines

    def _done(self) -> list[str]:
        there = f"; {counted(self.skipped, 'image was', 'images were')} there already" if self.skipped else ""
        where = "to a scratch folder, which is removed" if self.drill else f"to {self.to}"
        if not self.selected and not self.found:
            return ["The selection is empty: no stored image fits it."]
        lines = [
            f"Restored {counted(self.restored, 'image')}, {size(self.bytes)}, {where}{there}. Size and SHA-256 of each were "
            "compared with the manifest."
        ]
        return [*lines, f"Open {self.to}/{self.sheet} in a browser."] if self.sheet else lines

    def _compared(self) -> list[str]:
        found = self.compared
        if found is None:
            return []
        lines = [f"Compared with the source: {found.same:,} the same, {found.different:,} different."]
        if found.replaced or found.gone:
            lines.append(f"The source has replaced {found.replaced:,} of them, and no longer has {found.gone:,}.")
        if found.unreachable:
            lines.append(
                f"{found.unreachable:,} could not be compared: their host did not serve them. `--image-host` allows another host."
            )
        return lines

    def _into(self) -> list[str]:
        if not self.into or self.dry_run:
            return []
        if self.complete:
            return [
                f"{self.to} is an archive of its own, with the coverage of {self.archive}. The next run can go on there."
            ]
        return [
            f"{self.to} is an archive of its own that holds a part: it claims no coverage. A run there reads the whole listing, "
            "and copies what is missing."
        ]

    def _problems(self) -> list[str]:
        if not self.found:
            return []
        lines = [f"{counted(self.found, 'problem')}. Everything else is restored and whole:"]
        lines += [f"  {_named(each)}" for each in self.problems[:SHOWN]]
        if self.found > SHOWN:
            lines.append(f"  and {self.found - SHOWN:,} more (--json lists up to {SHOWN_PROBLEMS})")
        kinds = {each.kind for each in self.problems}
        return lines + [step for kind, step in _NEXT_STEPS.items() if kind in kinds or kinds & _ALIKE.get(kind, set())]

    def to_document(self) -> dict[str, Any]:
        """For machines."""
        document: dict[str, Any] = document_of(self)
        shown = self.problems[:SHOWN_PROBLEMS]
        return document | {
            "kind": "restore",
            "outcome": self.outcome,
            "problems": document_of(shown),
            "more_problems": self.found - len(shown),
            "seconds": self.seconds,
            "explanation": self.explain(),
        }


def _named(problem: Problem) -> str:
    whose = f" ({problem.output_id}, {problem.rendition})" if problem.output_id else ""
    return f"{problem.kind}: {problem.key}{whose}: {problem.detail}"


_ALIKE = {"missing": {"truncated", "changed", "no_object_name"}, "name_taken": {"sidecar_differs"}}
_NEXT_STEPS = {
    "missing": "Images are damaged or missing in the bucket: run `stablecog-archive verify --repair`, which takes earlier "
    "versions of the objects or what the source still has. Then repeat the command.",
    "name_taken": "Other files have these names. They were not changed. Move them, name another folder, or pass --overwrite.",
    "archive_class": "Objects in an archive storage class must be restored in S3 first. Then repeat the command.",
    "refused": "The store refuses some objects: their policy or KMS key may be another. Allow access, and repeat the command.",
    "unreadable_partition": "Partitions cannot be read: restore earlier versions of the objects, or run `stablecog-archive "
    "rebuild --set-aside-damaged` and `run`. Then repeat the command.",
    "source_differs": "The source serves other bytes than were archived. The archive is as it was; compare the two images.",
}
