"""How a task's log reads in Airflow: groups that fold, progress at a bearable rate, and a table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from ..archive.reports.progress import LoggedProgress
from ..archive.reports.wording import size
from ..model.counts import Proof

SLOWEST = 120.0
"""Seconds between two lines of progress in a run that takes hours: 12 hours are 400 lines, not 2,900."""


class Counts(Protocol):
    """The counts that reports of `run` and `refresh` share."""

    @property
    def outcome(self) -> Any: ...
    @property
    def read(self) -> int: ...
    @property
    def new(self) -> int: ...
    @property
    def copied(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def gone(self) -> int: ...
    @property
    def refreshed(self) -> int: ...
    @property
    def tombstoned(self) -> int: ...
    @property
    def proof(self) -> Proof | None: ...
    @property
    def source_requests(self) -> int: ...
    @property
    def store_requests(self) -> int: ...
    @property
    def seconds(self) -> float: ...


progress_of: Callable[[Callable[..., object]], LoggedProgress] = partial(LoggedProgress, slowest=SLOWEST)


@contextmanager
def grouped(log: Callable[..., object], title: str) -> Iterator[None]:
    """Fold the lines that are logged meanwhile, in Airflow's log view. A title has no secrets and no line breaks."""
    log("::group::%s", title)
    try:
        yield
    finally:
        log("::endgroup::")


def table_of(report: Counts) -> list[str]:
    """Return the lines of a report's table, aligned."""
    proof = report.proof
    rows = [
        ("outcome", str(report.outcome)),
        ("outputs", f"{report.new:,} new, {report.read:,} read, {report.tombstoned:,} deleted at the source"),
        ("images", f"{report.copied:,} copied ({size(report.bytes)}), {report.failed:,} failed, {report.gone:,} gone"),
        ("rows", f"{report.refreshed:,} refreshed without copying"),
        ("proof", f"source {proof.source:,}, manifest {proof.manifest:,}" if proof else "nothing was compared"),
        ("requests", f"{report.source_requests:,} to the source, {report.store_requests:,} to the store"),
        ("time", counted_seconds(report.seconds)),
    ]
    return aligned(rows)


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a line per row, with the second column aligned."""
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0)
    return [f"{name:<{width}}  {value}" for name, value in pairs]


def counted_seconds(seconds: float) -> str:
    """`12.3 s`, `5 min 3 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
