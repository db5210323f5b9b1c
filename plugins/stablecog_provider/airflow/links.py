"""Links on a task: the run's report, the manifest, and the archive's page.

Airflow asks a link on the worker, after the task, and keeps the answer as an XCom. So a link reads what the operator noted.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import BaseHook, BaseOperatorLink

from ..adapters.settings import StoreSettings
from ..errors import ArchiveError
from ..model.object_keys import Layout
from .consoles import EXTRA, Console, console_of
from .page_archives import page_of
from .plugin import root_of

_log = logging.getLogger(__name__)


class Reported(Protocol):
    """A report that is kept under `runs/`."""

    @property
    def run_id(self) -> str: ...
    @property
    def started_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Places:
    """Where a person looks at an archive. `page`: its path in Airflow, empty if the page does not show it."""

    layout: Layout
    console: Console
    page: str = ""

    @property
    def manifest(self) -> str:
        return self.console.folder(self.layout.manifest)

    def report(self, report: Reported) -> str:
        """Return where the report is shown: on the page, else in the console."""
        key = self.layout.run_report(report.started_at, report.run_id)
        return f"{self.page}runs/{key.rpartition('/')[2]}" if self.page else self.console.object(key)


def places_of(layout: Layout, store: StoreSettings, aws_conn_id: str | None) -> Places:
    """Return where the archive can be looked at. Never raises an ArchiveError: a run needs no links."""
    console, page = Console(layout.bucket), ""
    try:
        console = console_of(layout, store, _console_url(aws_conn_id))
        page = page_of(layout, root_of(conf.get("api", "base_url", fallback="")), os.environ)
    except ArchiveError as error:
        _log.warning("The task lacks links: %s", error)
    return Places(layout, console, page)


def _console_url(aws_conn_id: str | None) -> str:
    if aws_conn_id is None:
        return ""
    try:
        extra = BaseHook.get_connection(aws_conn_id).extra_dejson
    except AirflowNotFoundException:
        return ""
    return str(extra.get(EXTRA) or "").strip()


class RunReportLink(BaseOperatorLink):
    """The report of this run: on the archive's page, else in the console. A run that failed before its end has none."""

    name = "Run report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        places, report = getattr(operator, "places", None), getattr(operator, "reported", None)
        return places.report(report) if places and report else ""


class ManifestLink(BaseOperatorLink):
    """The manifest's folder in the console of the store."""

    name = "Manifest"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        places = getattr(operator, "places", None)
        return places.manifest if places else ""


class ArchivePageLink(BaseOperatorLink):
    """The archive's page in Airflow."""

    name = "Archive"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        places = getattr(operator, "places", None)
        return places.page if places else ""
