"""What operators that work on an archive share: links, and what a finished run tells Airflow."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator

from ...adapters.settings import StoreSettings
from ...model.object_keys import Layout
from ..links import ArchivePageLink, ManifestLink, Places, Reported, RunReportLink, places_of


class ArchiveOperator(BaseOperator):
    """An operator with links to the archive that it works on.

    `places` and `reported` are what the links read. They are None until the operator has found out.
    """

    operator_extra_links = (RunReportLink(), ManifestLink(), ArchivePageLink())
    places: Places | None = None
    reported: Reported | None = None

    def note_place(self, layout: Layout, store: StoreSettings, aws_conn_id: str | None) -> None:
        """Note which archive this is, before the work: a task that fails has links, too."""
        self.places = places_of(layout, store, aws_conn_id)

    def note_report(self, report: Any) -> None:
        """Note the report, once there is one."""
        self.reported = report
