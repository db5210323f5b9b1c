"""The operator that reads an account's history again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, cast

from airflow.sdk import Context

from ...adapters.assembly import open_ports
from ...adapters.garbage import rarely_collected
from ...adapters.settings import SourceSettings, StoreSettings
from ...archive.refresh import RefreshSettings, refresh
from ...archive.reports.refresh import RefreshReport
from ...errors import ArchiveError, ConfigurationError, ProofDiffers
from ...model.object_keys import Layout
from ...model.verdict import Outcome
from ..arguments import flag_of, layout_of, number_of, span_of, text_of, values_of
from ..connections import source_settings, store_settings
from ..hooks import StablecogHook
from ..lineage import lineage_of_run
from .base import ArchiveOperator

_READERS = {"budget": text_of, "within": span_of, "concurrency": number_of, "allow_unsafe_store": flag_of}


class StablecogRefreshOperator(ArchiveOperator):
    """Reads the history of an archive again: changed metadata, late upscales, and losses that no count shows.

    Reads what was read longest ago first, and never moves the watermark. Safe to run beside other tasks of the same archive.
    Returns the summary and adds it to the event of every asset in `outlets`. The task fails if the counts differ afterwards.

    :param bucket: the bucket. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param stablecog_conn_id: a connection of type `stablecog`. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param budget: how many requests to the source (`500requests`), or how much time (`10m`), to spend; None or empty for no
        bound. (templated)
    :param within: read as much as keeps the promise that everything was read within this time; None or empty for
        everything. A timedelta, or a text as `30d`. (templated)
    :param concurrency: upper limit on parallel copies of images that are found missing. (templated)
    :param allow_unsafe_store: continue if the store ignores conditional writes. (templated)
    """

    template_fields = (
        "bucket",
        "prefix",
        "stablecog_conn_id",
        "aws_conn_id",
        "budget",
        "within",
        "concurrency",
        "allow_unsafe_store",
    )
    ui_color = "#e4d8f5"

    # Replaced in tests: how the ports are opened, and what runs with them.
    open_ports: ClassVar[Any] = staticmethod(open_ports)
    refresh: ClassVar[Any] = staticmethod(refresh)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        aws_conn_id: str | None = "aws_default",
        budget: str | None = RefreshSettings.budget,
        within: timedelta | str | None = RefreshSettings.within,
        concurrency: int | str = RefreshSettings.concurrency,
        allow_unsafe_store: bool | str = RefreshSettings.allow_unsafe_store,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.stablecog_conn_id = stablecog_conn_id
        self.aws_conn_id = aws_conn_id
        self.budget = budget
        self.within = within
        self.concurrency = concurrency
        self.allow_unsafe_store = allow_unsafe_store
        try:
            RefreshSettings(layout=Layout("any-bucket"), **values_of(self, _READERS, rendered=False))
        except ConfigurationError as error:
            raise ValueError(str(error)) from None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run, log the report, and raise if the counts differ. AirflowFailException if a retry cannot help."""
        try:
            report = self._run()
            summary = report.summary()
            self.note_report(report)
            self.note_lineage(self.stablecog_conn_id, report.source, layout_of(self.bucket, self.prefix))
            log = self.log.warning if report.exit_code else self.log.info
            for sentence in report.explain():
                log("%s", sentence)
            if report.proof is not None and report.outcome is Outcome.NOT_PROVEN:
                # A failed task returns nothing, but whoever looks at it needs the numbers.
                context["ti"].xcom_push(key="return_value", value=summary)
                raise ProofDiffers(
                    f"{report.archive}: the source counts {report.proof.source} outputs, the manifest holds "
                    f"{report.proof.manifest}",
                    hint="all that was read is saved; the retry reads the periods that differ again (see the log above)",
                )
        except ArchiveError as error:
            self.keep_for_later(context)
            raise self.failure(error, context) from None
        except BaseException:
            # Also if Airflow stops the task.
            self.keep_for_later(context)
            raise
        self.announce(context, summary)
        return summary

    def lineage_of(self, layout: Layout, report: Any) -> Any:
        """Return what the task reads and writes, for OpenLineage."""
        return lineage_of_run(layout, self.stablecog_conn_id, report)

    def _run(self) -> RefreshReport:
        settings = RefreshSettings(
            layout=layout_of(self.bucket, self.prefix), **values_of(self, _READERS, rendered=True)
        )
        # Airflow's own calls block, so they are made before there is an event loop.
        source = source_settings(self.stablecog_conn_id)
        store = store_settings(self.aws_conn_id)
        self.note_place(settings.layout, store, self.aws_conn_id)
        self.log.info("Refreshing %s from connection %s", settings.layout, self.stablecog_conn_id)
        return self.run_stoppable(lambda: self._refresh(source, store, settings))

    async def _refresh(self, source: SourceSettings, store: StoreSettings, settings: RefreshSettings) -> RefreshReport:
        async with self.open_ports(source, store, settings.layout) as ports:
            with rarely_collected():
                return cast("RefreshReport", await self.refresh(ports, settings, self.progress()))
