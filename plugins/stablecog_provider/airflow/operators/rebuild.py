"""The operator that recreates a checkpoint."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from airflow.sdk import Context

from ...adapters.assembly import open_ports
from ...adapters.settings import SourceSettings, StoreSettings
from ...archive.rebuild import RebuildSettings, rebuild
from ...archive.reports.rebuild import RebuildReport
from ...errors import ArchiveError
from ...model.object_keys import Layout
from ..arguments import count_of, flag_of, layout_of
from ..connections import source_settings, store_settings
from ..hooks import StablecogHook
from ..lineage import lineage_of_rebuild
from .base import ArchiveOperator


class StablecogRebuildOperator(ArchiveOperator):
    """Recreates a lost or damaged checkpoint from the manifest and the source's counts. Deletes nothing.

    Returns the summary and adds it to the event of every asset in `outlets`. A rebuild that leaves gaps succeeds: the next run
    reads them. Put it before a `StablecogToS3Operator`.

    :param bucket: the bucket. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param stablecog_conn_id: a connection of type `stablecog`. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param set_aside_damaged: move unreadable partitions to `damaged/`; the next run reads their days again. (templated)
    :param check_images: check that every archived image is in the bucket with its recorded size. (templated)
    :param allow_account_mismatch: continue even if the source does not look like the archived account. (templated)
    :param allow_deletions: let the next runs mark up to this many outputs as deleted at the source. (templated)
    """

    template_fields = (
        "bucket",
        "prefix",
        "stablecog_conn_id",
        "aws_conn_id",
        "set_aside_damaged",
        "check_images",
        "allow_account_mismatch",
        "allow_deletions",
    )
    ui_color = "#f5e0d8"

    # Replaced in tests: how the ports are opened, and what runs with them.
    open_ports: ClassVar[Any] = staticmethod(open_ports)
    rebuild: ClassVar[Any] = staticmethod(rebuild)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        aws_conn_id: str | None = "aws_default",
        set_aside_damaged: bool | str = RebuildSettings.set_aside_damaged,
        check_images: bool | str = RebuildSettings.check_images,
        allow_account_mismatch: bool | str = RebuildSettings.allow_account_mismatch,
        allow_deletions: int | str = RebuildSettings.allow_deletions,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.stablecog_conn_id = stablecog_conn_id
        self.aws_conn_id = aws_conn_id
        self.set_aside_damaged = set_aside_damaged
        self.check_images = check_images
        self.allow_account_mismatch = allow_account_mismatch
        self.allow_deletions = allow_deletions

    def execute(self, context: Context) -> dict[str, Any]:
        """Rebuild, and log the report. Raises AirflowFailException if a retry cannot help."""
        try:
            report = self._run()
        except ArchiveError as error:
            raise self.failure(error, context) from None
        self.note_report(report)
        log = self.log.warning if report.exit_code else self.log.info
        for sentence in report.explain():
            log("%s", sentence)
        summary = report.summary()
        self.announce(context, summary)
        return summary

    def lineage_of(self, layout: Layout, report: Any) -> Any:
        """Return what the task reads and writes, for OpenLineage."""
        return lineage_of_rebuild(layout, self.stablecog_conn_id)

    def _run(self) -> RebuildReport:
        settings = RebuildSettings(
            layout=layout_of(self.bucket, self.prefix),
            set_aside_damaged=flag_of("set_aside_damaged", self.set_aside_damaged),
            check_images=flag_of("check_images", self.check_images),
            allow_account_mismatch=flag_of("allow_account_mismatch", self.allow_account_mismatch),
            allow_deletions=count_of("allow_deletions", self.allow_deletions),
        )
        # Airflow's own calls block, so they are made before there is an event loop.
        source = source_settings(self.stablecog_conn_id)
        store = store_settings(self.aws_conn_id)
        self.note_place(settings.layout, store, self.aws_conn_id)
        self.log.info("Rebuilding the checkpoint of %s from connection %s", settings.layout, self.stablecog_conn_id)
        return self.run_stoppable(lambda: self._rebuild(source, store, settings))

    async def _rebuild(self, source: SourceSettings, store: StoreSettings, settings: RebuildSettings) -> RebuildReport:
        async with self.open_ports(source, store, settings.layout) as ports:
            return cast("RebuildReport", await self.rebuild(ports, settings, self.progress()))
