"""The operator that publishes the manifest to an Iceberg table."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from airflow.sdk import Asset, Context

from ...adapters.garbage import rarely_collected
from ...adapters.publishing import open_publishing
from ...adapters.settings import StoreSettings
from ...archive.publish import PublishSettings, publish
from ...archive.reports.progress import LoggedProgress
from ...archive.reports.publish import PublishReport
from ...errors import ArchiveDamaged, ArchiveError, ConfigurationError
from ...model.object_keys import Layout
from ..arguments import layout_of
from ..connections import store_settings
from ..lineage import lineage_of_publish
from .base import ArchiveOperator


class StablecogToIcebergOperator(ArchiveOperator):
    """Publishes the days of the manifest that an Iceberg table lacks or has in another version. Only reads the archive.

    Needs the extra `iceberg` on the worker, and pyiceberg's configuration of the catalogue there. Safe to run beside other tasks
    of the same archive, and to repeat. Returns the summary and adds it to the event of every asset in `outlets`.

    :param bucket: the archive's bucket. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param catalog: a catalogue in pyiceberg's configuration. (templated)
    :param table: namespace and name of the table, such as `db.outputs`. (templated)
    """

    template_fields = ("bucket", "prefix", "aws_conn_id", "catalog", "table")
    ui_color = "#d8e8f5"

    # Replaced in tests: how the ports are opened, and what runs with them.
    open_publishing: ClassVar[Any] = staticmethod(open_publishing)
    publish: ClassVar[Any] = staticmethod(publish)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        aws_conn_id: str | None = "aws_default",
        catalog: str,
        table: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.aws_conn_id = aws_conn_id
        self.catalog = catalog
        self.table = table

    def execute(self, context: Context) -> dict[str, Any]:
        """Publish, log the report, and raise if something is left to do. AirflowFailException if a retry cannot help."""
        try:
            report = self._run()
            summary = report.summary()
            for sentence in report.explain():
                (self.log.warning if report.exit_code else self.log.info)("%s", sentence)
            if report.exit_code:
                # A failed task returns nothing, but whoever looks at it needs the numbers.
                context["ti"].xcom_push(key="return_value", value=summary)
                raise _failure(report)
        except ArchiveError as error:
            raise self.failure(error, context) from None
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra.update(summary)
        return summary

    def lineage_of(self, layout: Layout, report: Any) -> Any:
        """Return what the task reads and writes, for OpenLineage."""
        return lineage_of_publish(layout, self.catalog, self.table)

    def _run(self) -> PublishReport:
        settings = PublishSettings(layout_of(self.bucket, self.prefix), self.catalog, self.table)
        # Airflow's own calls block, so they are made before there is an event loop.
        store = store_settings(self.aws_conn_id)
        self.note_place(settings.layout, store, self.aws_conn_id)
        self.log.info("Publishing %s to %s", settings.layout, settings.table)
        return self.run_stoppable(lambda: self._publish(store, settings))

    async def _publish(self, store: StoreSettings, settings: PublishSettings) -> PublishReport:
        async with self.open_publishing(store, settings.layout, settings.catalog, settings.table) as ports:
            with rarely_collected():
                return cast("PublishReport", await self.publish(ports, settings, LoggedProgress(self.log.info)))


def _failure(report: PublishReport) -> ArchiveError:
    if report.kept_snapshots:
        return ConfigurationError(
            f"{report.table}: {report.kept_snapshots} earlier snapshots with forgotten rows are kept by tags or branches",
            hint="drop them, and publish again",
        )
    return ArchiveDamaged(
        f"{report.archive} has no partition for {len(report.missing)} days that {report.table} has",
        hint="`stablecog-archive status` names what the archive lacks",
    )
