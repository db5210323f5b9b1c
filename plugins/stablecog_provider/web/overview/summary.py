"""The overview of an archive, from its checkpoint and the last reports: as quick at 10^6 rows as at 10^3."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from ...archive.reports.last_run import LastRun
from ...archive.reports.status import ArchiveStatus
from ...model.checkpoint import Checkpoint
from ...model.manifest import State
from ...model.object_keys import Layout, day_of
from ...model.times import parse_rfc3339
from ..contexts import Absence, ArchiveLine, Band, Figure, Link, Overview, RunLine, Shares
from ..words import moment, number, sentence, share, size, span, took
from .charts import timeline_of
from .verdicts import band_of, look_of

WITHIN = ("7", "30", "90")
TITLES = {State.FAILED: "Failed", State.LOST: "Lost", State.GONE: "Gone", State.ARCHIVED: "Replaced"}


def overview_of(
    checkpoint: Checkpoint, status: ArchiveStatus, now: datetime, *, base: str, layout: Layout, allowed: frozenset[str]
) -> Overview:
    """Put the overview in words. `base`: the archive's address on the page. `allowed`: as in `band_of`."""
    return Overview(
        band=band_of(status, now, layout, allowed),
        figures=_figures(checkpoint, status, now),
        timeline=timeline_of(checkpoint, now),
        absences=_absences(status, base),
        shares=_shares(status, now),
        check_note=_check_note(status),
        runs=run_lines(status.runs, base),
        links=_links(status, base, allowed),
        manifest=layout.uri(layout.manifest),
        explanation=[sentence(line) for line in status.explain()],
    )


def archive_line(status: ArchiveStatus, now: datetime, layout: Layout, *, name: str, link: str) -> ArchiveLine:
    """The archive as a line among several."""
    band = band_of(status, now, layout)
    return ArchiveLine(
        name=name,
        link=link,
        tone=band.tone,
        icon=band.icon,
        word=band.word,
        to_do=band.to_do,
        lag=band.fresh,
        outputs=number(status.live),
        stored=size(status.bytes),
    )


def broken_line(band: Band, *, name: str, link: str) -> ArchiveLine:
    """An archive that cannot be read, as a line among several."""
    unknown = "unknown"
    return ArchiveLine(
        name=name, link=link, tone=band.tone, icon=band.icon, word=band.word, to_do=band.to_do, lag=unknown,
        outputs=unknown, stored=unknown,
    )  # fmt: skip


def _figures(checkpoint: Checkpoint, status: ArchiveStatus, now: datetime) -> list[Figure]:
    yesterday = checkpoint.partitions.get(day_of(now - timedelta(days=1)))
    per_month = sorted(status.months)[-2:-1]
    growth = f"{size(status.months[per_month[0]].bytes)} in {per_month[0]}" if per_month else ""
    proof, images = status.proof, status.images
    absent = images.failed + images.gone + images.lost + images.replaced + images.forgotten
    whole = "all stored" if images.archived else ""
    compared = ""
    if proof is not None:
        off = abs(proof.source - proof.manifest)
        compared = f"{'no difference' if proof.agrees else f'{number(off)} apart'} up to {moment(proof.end)}"
    return [
        Figure("Outputs", number(status.live), f"{number(yesterday.live if yesterday else 0)} yesterday"),
        Figure("Images", number(images.archived), f"{number(absent)} not stored" if absent else whole),
        Figure("Stored", size(status.bytes), growth),
        Figure("Counted at the source", number(proof.source) if proof else "not yet", compared),
    ]


def _absences(status: ArchiveStatus, base: str) -> list[Absence]:
    """What is not in the archive, by state and then reason; each count opens the gallery with that state."""
    due = min(status.pending_retries.values(), default=None)
    again = f"again from {moment(due)}" if due else "again with a later run"
    found: list[Absence] = []
    for state in (State.FAILED, State.LOST, State.GONE, State.ARCHIVED):
        reasons = {text: images for text, images in status.reasons.items() if text.partition(": ")[0] == state}
        for text, images in reasons.items():
            repeated = bool(found) and found[-1].title == TITLES[state]
            shown = Absence(f"{base}/gallery?{urlencode({'state': state})}", TITLES[state], text.partition(": ")[2],
                            number(images), again, repeated)  # fmt: skip
            found.append(shown)
    if status.images.forgotten:
        link = f"{base}/gallery?{urlencode({'state': State.FORGOTTEN})}"
        found.append(Absence(link, "Forgotten", "Taken out on request", number(status.images.forgotten), "final"))
    return found


def _shares(status: ArchiveStatus, now: datetime) -> list[Shares]:
    def age(oldest: datetime | None, never: int) -> str:
        return "never all" if never or oldest is None else span(now - oldest)

    verified, refreshed = status.verification, status.refresh
    found = []
    if verified.images:
        within = [share(verified.within_days[days], verified.images) for days in WITHIN]
        found.append(Shares("Bytes verified", within, age(verified.oldest, verified.never)))
    if refreshed.outputs:
        within = [share(refreshed.within_days[days], refreshed.outputs) for days in WITHIN]
        found.append(Shares("Metadata refreshed", within, age(refreshed.oldest, refreshed.never)))
    return found


def _check_note(status: ArchiveStatus) -> str:
    never = status.verification.never
    if not status.verification.images or not never:
        return ""
    return f"{number(never)} images were never read again since they were copied. A verify reads them."


def _links(status: ArchiveStatus, base: str, allowed: frozenset[str]) -> list[Link]:
    """The DAGs that the reader may trigger, which are in Airflow's own pages, and the last report as it is."""
    found = [Link(f"DAG {dag_id}", f"/dags/{dag_id}", outside=True) for dag_id in sorted(allowed)]
    if status.runs and status.runs[0].key:
        found.append(Link("Last report, JSON", f"{base}/runs/{status.runs[0].key.rpartition('/')[2]}?raw=1"))
    return found


def run_lines(runs: Sequence[LastRun], base: str) -> list[RunLine]:
    """The last runs, newest first, with the bar of their duration as a share of the longest."""
    longest = max([_seconds(run) for run in runs] + [1.0])
    return [_run_line(run, base, longest) for run in runs]


def _seconds(run: LastRun) -> float:
    try:
        return (parse_rfc3339(run.finished_at) - parse_rfc3339(run.started_at)).total_seconds()
    except ValueError:
        return 0.0


def _run_line(run: LastRun, base: str, longest: float) -> RunLine:
    look = look_of(run.outcome)
    try:
        started = parse_rfc3339(run.started_at)
        when = moment(started)
        duration = took(started, parse_rfc3339(run.finished_at)) if run.finished_at else "not ended"
    except ValueError:
        when, duration = "unknown", "unknown"
    return RunLine(
        started=when,
        started_at=run.started_at,
        kind=run.kind.capitalize(),
        tone=look.tone,
        icon=look.icon,
        outcome=run.outcome or "unknown",
        took=duration,
        share=round(_seconds(run) * 100 / longest),
        images=number(run.images),
        bytes=size(run.bytes),
        failed=number(run.failed),
        link=f"{base}/runs/{run.key.rpartition('/')[2]}",
    )
