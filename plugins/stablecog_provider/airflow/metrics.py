"""What a run sends to Airflow's own metrics: StatsD, DogStatsD or OpenTelemetry, as Airflow is set up."""

from __future__ import annotations

import logging

from ..archive.reports.run import RunReport
from .versions import Stats

_log = logging.getLogger(__name__)


def emit(report: RunReport, dag_id: str, task_id: str) -> None:
    """Send the run's numbers. A backend that fails must not fail the run."""
    archive = report.archive.removeprefix("s3://").replace("=", "_")
    tags = {"archive": archive, "dag_id": dag_id, "task_id": task_id}
    try:
        Stats.incr("stablecog.outputs", report.new, tags=tags)
        Stats.incr("stablecog.bytes", report.bytes, tags=tags)
        Stats.incr("stablecog.failed", report.failed, tags=tags)
        Stats.gauge("stablecog.seconds", report.seconds, tags=tags)
        Stats.gauge("stablecog.proven", int(report.proven), tags=tags)
        if report.coverage:
            newest = report.coverage.windows[-1].end
            Stats.gauge("stablecog.lag_seconds", (report.finished_at - newest).total_seconds(), tags=tags)
    except Exception as error:  # Airflow's clients raise what their libraries raise.
        _log.warning("The run's metrics were not sent: %s", type(error).__name__)
