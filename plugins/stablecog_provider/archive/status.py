"""How an archive stands: its checkpoint and its last run's report, read from the bucket alone (the source is not asked)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ..errors import ConfigurationError
from ..model.checkpoint import Checkpoint, Proof
from ..model.coverage import MAX_LATENCY, Axis, Coverage, Window
from ..model.object_keys import Layout
from ..model.times import format_instant
from .ports import ObjectStore
from .reports.run import counted, covered_in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What the newest report under `runs/` says. Instants are RFC 3339 text, as the report has them."""

    run_id: str
    started_at: str
    finished_at: str
    outcome: str
    explanation: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveStatus:
    """`live`: outputs in the manifest that the source still had. `days`: days that have any. `pending_retries`: when the
    first failed image of a day is due again, by day. `last_run`: None where no report can be read. `missing`: addresses of
    partitions that the checkpoint counts on and the bucket lacks.
    """

    archive: str
    source: str
    axis: Axis
    coverage: Coverage
    live: int
    days: int
    pending_retries: dict[date, datetime]
    proof: Proof | None
    saved_at: datetime | None
    last_run: LastRun | None
    missing: tuple[str, ...] = ()

    @property
    def watermark(self) -> datetime | None:
        return self.coverage.watermark

    @property
    def gaps(self) -> Coverage:
        """What coverage lacks between its first and its last instant; a run without bounds reads it."""
        if not self.coverage:
            return Coverage()
        windows = self.coverage.windows
        return self.coverage.gaps(Window(windows[0].start, windows[-1].end))

    @property
    def outcome(self) -> str:
        """`proven`, `proven, with failed images`, `proven, in part`, or `not proven`: as the last commit left it."""
        contradicted = self.last_run is not None and self.last_run.outcome == "not proven"
        if self.proof is None or not self.proof.agrees or self.missing or contradicted:
            return "not proven"
        if self.gaps or not self._proven_whole:
            return "proven, in part"
        return "proven, with failed images" if self.pending_retries else "proven"

    @property
    def _proven_whole(self) -> bool:
        """Whether the last proof is of all that is covered, less what a count by request cannot tell yet."""
        if self.proof is None or not self.coverage:
            return False
        windows = self.coverage.windows
        return self.proof.start <= windows[0].start and self.proof.end >= windows[-1].end - MAX_LATENCY

    @property
    def exit_code(self) -> int:
        """0 proven, 3 some images failed, the proof differs, or something is missing."""
        return 0 if self.outcome == "proven" else 3

    def explain(self) -> list[str]:
        """How it stands and what to do, in plain sentences."""
        if self.watermark is None:
            lines = ["Nothing is covered yet: the first run has not finished a window. Run again."]
        else:
            lines = [covered_in_words(self.coverage, self.axis)]
        lines += [
            f"Not covered: {format_instant(gap.start)} to {format_instant(gap.end)}; a run without --start and --end reads it."
            for gap in self.gaps
        ]
        if self.pending_retries:
            due = format_instant(min(self.pending_retries.values()))
            lines.append(
                f"Failed images: on {counted(len(self.pending_retries), 'day')}; runs after {due} try them again, and "
                "`run --retry-failed` does so now."
            )
        if self.proof is None:
            lines.append("No proof yet: nothing was compared with the source's counts. Run again.")
        elif self.proof.agrees:
            lines.append(
                f"Proven: source and manifest both count {self.proof.source} outputs {self._proof_spans(self.proof)}."
            )
            if not self._proven_whole:
                lines.append(
                    "That is not all that is covered: a run without --start and --end proves the rest as well."
                )
        else:
            lines.append(
                f"NOT proven: {self._proof_spans(self.proof)}, the source counts {self.proof.source} outputs and the manifest "
                f"holds {self.proof.manifest}. All that was read is saved. Run again: the places that differ are read once more."
            )
        if self.missing:
            more = f" and {len(self.missing) - 1} more" if len(self.missing) > 1 else ""
            lines.append(
                f"{self.missing[0]}{more} is missing, and the checkpoint counts on it: restore the object (an earlier version, a "
                "backup), or run `stablecog-archive rebuild`."
            )
        return lines

    def _proof_spans(self, proof: Proof) -> str:
        return f"from {format_instant(proof.start)} to {format_instant(proof.end)}"

    def to_document(self) -> dict[str, Any]:
        """For machines: instants as RFC 3339 text, windows as pairs of them."""
        return {
            "archive": self.archive,
            "source": self.source,
            "outcome": self.outcome,
            "axis": str(self.axis),
            "watermark": format_instant(self.watermark) if self.watermark else None,
            "coverage": _pairs(self.coverage),
            "gaps": _pairs(self.gaps),
            "missing": list(self.missing),
            "live": self.live,
            "days": self.days,
            "pending_retries": {day.isoformat(): format_instant(due) for day, due in self.pending_retries.items()},
            "proof": self.proof
            and {
                "start": format_instant(self.proof.start),
                "end": format_instant(self.proof.end),
                "source": self.proof.source,
                "manifest": self.proof.manifest,
                "agrees": self.proof.agrees,
                "checked_at": format_instant(self.proof.checked_at),
            },
            "saved_at": format_instant(self.saved_at) if self.saved_at else None,
            "explanation": self.explain(),
            "last_run": self.last_run
            and {
                "run_id": self.last_run.run_id,
                "started_at": self.last_run.started_at,
                "finished_at": self.last_run.finished_at,
                "outcome": self.last_run.outcome,
                "explanation": list(self.last_run.explanation),
            },
        }


def _pairs(coverage: Coverage) -> list[list[str]]:
    return [[format_instant(window.start), format_instant(window.end)] for window in coverage]


async def status(store: ObjectStore, layout: Layout) -> ArchiveStatus:
    """Raises ConfigurationError where there is no archive, ArchiveDamaged where its checkpoint cannot be read."""
    stored = await store.get(layout.checkpoint)
    if stored is None:
        raise ConfigurationError(
            f"there is no archive at {layout} (no checkpoint.json)",
            hint="check the address; the first `stablecog-archive run` makes one",
        )
    checkpoint = Checkpoint.from_json(stored.body)
    return ArchiveStatus(
        archive=str(layout),
        source=checkpoint.source,
        axis=checkpoint.axis,
        coverage=checkpoint.coverage,
        live=checkpoint.live,
        days=sum(1 for count in checkpoint.days.values() if count),
        pending_retries=dict(checkpoint.retries),
        proof=checkpoint.proof,
        saved_at=checkpoint.saved_at,
        last_run=await _last_run(store, layout, checkpoint.run_id),
        missing=await _missing(store, layout, checkpoint),
    )


async def _missing(store: ObjectStore, layout: Layout, checkpoint: Checkpoint) -> tuple[str, ...]:
    standing = {layout.parse_partition(listed.key) async for listed in store.list(layout.manifest)}
    expected = {*checkpoint.versions, *(day for day, count in checkpoint.days.items() if count)}
    return tuple(layout.uri(layout.partition(day)) for day in sorted(expected - standing))


async def _last_run(store: ObjectStore, layout: Layout, run_id: str) -> LastRun | None:
    """That of the run that saved last; where it left none, the newest."""
    # Keys begin with the start of the run, so the greatest is the newest, by the clocks of those who ran.
    keys = sorted([listed.key async for listed in store.list(layout.runs)])
    own = [key for key in keys if key.endswith(f"-{run_id}.json")]
    stored = await store.get((own or keys)[-1]) if keys else None
    try:
        document = json.loads(stored.body) if stored else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return None
    explanation = document.get("explanation")
    return LastRun(
        run_id=str(document.get("run_id", "")),
        started_at=str(document.get("started_at") or ""),
        finished_at=str(document.get("finished_at") or ""),
        outcome=str(document.get("outcome", "")),
        explanation=tuple(map(str, explanation)) if isinstance(explanation, list) else (),
    )
