"""What operators tell Airflow about the archive that they work on: links and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from airflow.sdk import BaseOperator

from ...adapters.settings import StoreSettings
from ...archive.ports import Progress, ProgressListener
from ...errors import ConfigurationError
from ...model.object_keys import Layout
from ..arguments import layout_of
from ..assets import announce, keep_for_later
from ..hooks import StablecogHook
from ..links import ArchivePageLink, ManifestLink, Places, Reported, RunReportLink, places_of
from ..task_log import progress_of
from ..versions import get_hook_lineage_collector


class TellingOperator(BaseOperator):
    """An operator with links to the archive that it works on, and with its lineage.

    `places` and `reported` are what the links read. They are None until the operator has found out.
    """

    operator_extra_links = (RunReportLink(), ManifestLink(), ArchivePageLink())
    bucket: str
    prefix: str
    places: Places | None = None
    reported: Reported | None = None
    written: frozenset[date] = frozenset()

    def note_place(self, layout: Layout, store: StoreSettings, aws_conn_id: str | None) -> None:
        """Note which archive this is, before the work: a task that fails has links, too."""
        self.places = places_of(layout, store, aws_conn_id)

    def note_report(self, report: Any) -> None:
        """Note the report, once there is one."""
        self.reported = report

    def announce(self, context: Any, summary: Mapping[str, Any]) -> None:
        """Send the events of the task's outlets, with the summary and the days that the report names."""
        announce(self, context, str(layout_of(self.bucket, self.prefix)), summary, self.reported_days())

    def keep_for_later(self, context: Any) -> None:
        """Note the days that a task has changed before it failed."""
        try:
            address = str(layout_of(self.bucket, self.prefix))
        except ConfigurationError:
            return
        keep_for_later(self, context, address, self.reported_days())

    def reported_days(self) -> frozenset[date]:
        """The days that the task has changed: those of its report and, if there is none, those of its progress."""
        return frozenset(getattr(self.reported, "changed_days", ())) | self.written

    def progress(self) -> ProgressListener:
        """Return what logs progress, and notes which days were written."""
        log = progress_of(self.log.info)

        def on_progress(progress: Progress) -> None:
            self.written |= progress.written
            log(progress)

        return on_progress

    def note_lineage(self, stablecog_conn_id: str, source: str, layout: Layout) -> None:
        """Tell the readers of hook lineage, if Airflow has any: one asset read, one written."""
        hook, collector = StablecogHook(stablecog_conn_id), get_hook_lineage_collector()
        collector.add_input_asset(hook, uri=source)
        collector.add_output_asset(hook, uri=str(layout))

    def lineage_of(self, layout: Layout, report: Any) -> Any:
        """Return the OperatorLineage of the task; None if it has none. `report` is None before the end."""

    def get_openlineage_facets_on_start(self) -> Any:
        """Return what the task is going to read and write. Called by Airflow's OpenLineage provider."""
        return self._lineage()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what the task has read and written."""
        return self._lineage()

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:
        """Return the same as for a success, with the counts if there is a report."""
        return self._lineage()

    def _lineage(self) -> Any:
        try:
            return self.lineage_of(layout_of(self.bucket, self.prefix), self.reported)
        except ConfigurationError:
            # The task reports it.
            return None
