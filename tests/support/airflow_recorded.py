"""The operator around a fake use case, and the reports that it ends with."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from stablecog_provider.adapters.settings import SourceSettings, StoreSettings
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.model.counts import Proof
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.verdict import Outcome

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Pushed:
    """A task instance that records what is pushed."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = value


def report(outcome: Outcome = Outcome.PROVEN, *, source: int | None = 3, manifest: int = 3, **counts: Any) -> RunReport:
    proof = None if source is None else Proof(NOW - timedelta(days=1), NOW, source, manifest, NOW)
    return RunReport(
        outcome=outcome,
        run_id="r1",
        archive="s3://bucket/prefix",
        source="https://a",
        started_at=NOW,
        finished_at=NOW,
        proof=proof,
        **counts,
    )


class Recorded(StablecogToS3Operator):
    """The operator with both seams replaced: it records its arguments and ends as the test wants."""

    outcome: ClassVar[RunReport | Exception] = report()
    given: ClassVar[dict[str, Any]] = {}

    @staticmethod
    @asynccontextmanager
    async def open_ports(source: SourceSettings, store: StoreSettings, layout: Layout) -> AsyncIterator[str]:
        Recorded.given = {"source": source, "store": store, "layout": layout, "closed": False}
        yield "ports"
        Recorded.given["closed"] = True

    @staticmethod
    async def archive(ports: str, settings: ArchiveSettings, on_progress: Any, earlier: Any) -> RunReport:
        Recorded.given |= {"ports": ports, "settings": settings, "gc": gc.get_threshold()[0]}
        on_progress(Progress())
        if isinstance(Recorded.outcome, Exception):
            raise Recorded.outcome
        return Recorded.outcome
