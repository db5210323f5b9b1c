"""The report of a forget: for machines, and in sentences for people. It names outputs by their keys, and never what they show."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ...model.changes import PartitionChange, changes_document
from ...model.checkpoint import Forgetting
from ...model.documents import document_of
from .wording import MAX_SUMMARY, SHOWN, counted, forgetting_in_words, newest_days, shortened, size

SHOWN_OUTPUTS = 100
"""In the output. The record under `forgotten/` has all."""


@dataclass(frozen=True, slots=True)
class ForgottenOutput:
    """`images`, `bytes`: of its stored images, earlier ones included."""

    output_id: str
    day: date
    images: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetReport:
    """What one forget removed, or would remove.

    `outputs`: outputs that were chosen and not forgotten before. `unknown`: ids that the archive does not hold. `archived`:
    number of outputs that the archive held and had not forgotten. `siblings`: other outputs of the same generations. `again`,
    `continued`: number of days that were searched for what is left of outputs that were forgotten before: they were named
    again, or a forget had not come to its end. `left`: what a further forget has to delete. `notes`: what else a person should
    know. `needs`: the number that `--yes-really` wants; None if `--yes` is enough. `erased`: number of deleted versions of
    objects, by what they were. `redacted`: number of reports from which outputs were taken out. `changed_days`: days whose
    partition was changed.
    """

    run_id: str
    archive: str
    started_at: datetime
    finished_at: datetime
    dry_run: bool
    selection: str
    reason: str = ""
    outputs: tuple[ForgottenOutput, ...] = ()
    unknown: tuple[str, ...] = ()
    archived: int = 0
    siblings: int = 0
    again: int = 0
    continued: int = 0
    needs: int | None = None
    erased: dict[str, int] = field(default_factory=dict)
    erased_bytes: int = 0
    redacted: int = 0
    notes: tuple[str, ...] = ()
    left: tuple[Forgetting, ...] = ()
    changed_days: tuple[date, ...] = ()
    store_requests: int = 0
    partitions: tuple[PartitionChange, ...] = ()

    @property
    def count(self) -> int:
        """Outputs; one that the source has moved to another day counts once."""
        return len({each.output_id for each in self.outputs})

    @property
    def outcome(self) -> str:
        if not (self.outputs or self.again or self.continued):
            return "nothing to forget"
        return "would forget" if self.dry_run else "forgotten"

    @property
    def exit_code(self) -> int:
        """0: what was asked for is done, or was listed. 3: another process may have stored images of the same days meanwhile."""
        return 3 if self.left else 0

    def explain(self) -> list[str]:
        """What was removed or would be, what stays, and what to do, in plain sentences."""
        return [
            *self._outputs_in_words(),
            *self._siblings_in_words(),
            *self._before_in_words(),
            *self._unknown_in_words(),
            *forgetting_in_words(self.left),
            *self.notes,
            *self._next_step(),
        ]

    def _outputs_in_words(self) -> list[str]:
        if not self.outputs and not self.selection:
            return (
                []
                if self.continued
                else [
                    "Nothing was chosen, and no earlier forget is left to continue. Pass an id, a condition or an age."
                ]
            )
        if not self.outputs:
            lines = ["No output was chosen that is not forgotten already."]
            if self.again and self.dry_run:
                lines.append("What may be left in the bucket of those that are would be looked for and deleted.")
            return lines
        images, held = sum(each.images for each in self.outputs), sum(each.bytes for each in self.outputs)
        what = f"{counted(self.count, 'output')} of {self.archived:,} with {counted(images, 'stored image')} ({size(held)})"
        if self.dry_run:
            lines = [f"{what} would be forgotten. Nothing was changed."]
            lines += [
                f"  {each.output_id} of {each.day}: {counted(each.images, 'image')}, {size(each.bytes)}"
                for each in self.outputs[:SHOWN_OUTPUTS]
            ]
            if len(self.outputs) > SHOWN_OUTPUTS:
                lines.append(f"  ... and {len(self.outputs) - SHOWN_OUTPUTS:,} more.")
            return lines
        return [
            f"{what} forgotten. Their rows keep key, dates and state, so that counts still agree and no run copies them again."
        ]

    def _siblings_in_words(self) -> list[str]:
        if not self.siblings:
            return []
        others = counted(self.siblings, "other output")
        return [
            f"{others} of the same generations, with the same prompts, are not chosen. To choose them too, use generation_id."
        ]

    def _before_in_words(self) -> list[str]:
        lines = []
        if self.continued:
            begin = "An earlier forget has not come to its end" if self.dry_run else "Continued an earlier forget"
            lines.append(f"{begin} ({counted(self.continued, 'day')}).")
        return [*lines, *self.erased_in_words()]

    def erased_in_words(self) -> list[str]:
        """What was deleted, also by a forget that failed after it."""
        if not (self.erased or self.redacted):
            return []
        kinds = ", ".join(f"{number:,} of {name.replace('_', ' ')}" for name, number in sorted(self.erased.items()))
        return [
            f"Deleted for good, by versions of objects: {kinds or 'none'}. Taken out of {counted(self.redacted, 'report')}."
        ]

    def _unknown_in_words(self) -> list[str]:
        if not self.unknown:
            return []
        more = f" and {len(self.unknown) - SHOWN:,} more" if len(self.unknown) > SHOWN else ""
        return [f"The archive holds no output {', '.join(self.unknown[:SHOWN])}{more}."]

    def _next_step(self) -> list[str]:
        if self.outcome == "nothing to forget":
            return []
        if not self.dry_run:
            return [
                "Logs, task results and copies outside the bucket, such as restored folders, were not searched.",
                "An Iceberg table of this archive has the rows until the next `stablecog-archive publish`.",
            ]
        if self.needs is not None:
            return [
                f"That is more than 10 % of the archive. To do it, repeat the command with --yes-really {self.needs}."
            ]
        return ["It cannot be undone. To do it, repeat the command with --yes."]

    def summary(self) -> dict[str, Any]:
        """The short report for XCom and the asset event: counts and sentences."""
        document = self.to_document() | {"outputs": self.count, "unknown": len(self.unknown), "explanation": []}
        document |= {"changed_days": newest_days(self.changed_days), "changed_day_count": len(self.changed_days)}
        del document["more_outputs"]
        return document | {"explanation": shortened(self.explain(), MAX_SUMMARY - len(json.dumps(document)))}

    def to_document(self) -> dict[str, Any]:
        """For machines: the first outputs, and how many more there are."""
        names = (
            "run_id", "archive", "started_at", "finished_at", "outcome", "dry_run", "selection", "reason", "unknown", "archived",
            "siblings",
            "again", "continued", "needs", "erased", "erased_bytes", "redacted", "left", "notes", "store_requests",
            "changed_days",
        )  # fmt: skip
        return {name: document_of(getattr(self, name)) for name in names} | {
            "kind": "forget",
            "partitions": changes_document(self.partitions),
            "count": self.count,
            "outputs": document_of(self.outputs[:SHOWN_OUTPUTS]),
            "more_outputs": max(0, len(self.outputs) - SHOWN_OUTPUTS),
            "explanation": self.explain(),
        }
