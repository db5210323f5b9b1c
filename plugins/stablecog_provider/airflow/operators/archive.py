"""The operator that archives an account."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from airflow.configuration import conf
from airflow.sdk import Context

from ...adapters.assembly import open_ports
from ...adapters.garbage import rarely_collected
from ...adapters.settings import SourceSettings, StoreSettings
from ...archive.earlier import Earlier, Postponed
from ...archive.reports.run import RunReport, RunSummary
from ...archive.reports.wording import counted
from ...archive.run import ArchiveSettings, archive
from ...errors import ArchiveError, ConfigurationError, ProofDiffers
from ...model.counts import Proof
from ...model.object_keys import Layout
from ..arguments import flag_of, instant_of, layout_of, number_of, span_of, values_of
from ..connections import source_settings, store_settings
from ..deferral import WAITS_HERE, deferred, resumed
from ..hooks import StablecogHook
from ..lineage import lineage_of_run
from ..metrics import emit
from ..task_log import grouped, table_of
from .base import ArchiveOperator

_READERS = {
    "start": instant_of,
    "end": instant_of,
    "lookback": span_of,
    "refresh_within": span_of,
    "per_page": number_of,
    "concurrency": number_of,
    "retry_failed": flag_of,
    "allow_unsafe_store": flag_of,
    "allow_account_mismatch": flag_of,
    "allow_deletions": number_of,
}


class StablecogToS3Operator(ArchiveOperator):
    """Archives what a Stablecog account has and a bucket lacks, and proves that nothing is missing.

    Safe to run again at any time, and safe to run twice at once. Returns the run's summary and adds it to the event of every
    asset in `outlets`. The task fails if the source's count differs from the manifest's; everything that was read is saved first.
    Images that fail do not fail the task: they are logged as warnings and retried by later runs.

    :param bucket: the bucket. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param stablecog_conn_id: a connection of type `stablecog`. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param start: archive outputs from here on; None or empty for no bound. An aware datetime, an RFC 3339 text or a UTC day.
        (templated)
    :param end: archive outputs before this; None or empty for no bound. Written as `start`. (templated)
    :param lookback: how far before the watermark the listing is read again, for late upscales and changed metadata;
        at most about 6,000 outputs. A timedelta, or a text as `1d` or `36h`. (templated)
    :param refresh_within: read so much of the history again that everything was read within this time, if the Dag's runs go on
        at their interval; None or empty for one slice per run. Written as `lookback`. (templated)
    :param per_page: outputs per request to the listing. (templated)
    :param concurrency: upper limit on parallel copies. The actual number adapts to what the hosts can take. (templated)
    :param retry_failed: retry all failed images now, not only those whose retry is due. (templated)
    :param allow_unsafe_store: continue if the store ignores conditional writes. (templated)
    :param allow_account_mismatch: continue even if the source does not look like the archived account. (templated)
    :param allow_deletions: mark up to this many outputs as deleted at the source, even if that is more than half of the archive.
        (templated)
    :param deferrable: wait in the triggerer, without a worker slot, while the source limits the rate, or if it is down when a run
        begins; default: Airflow's `[operators] default_deferrable`.
    """

    template_fields = (
        "bucket",
        "prefix",
        "stablecog_conn_id",
        "aws_conn_id",
        "start",
        "end",
        "lookback",
        "refresh_within",
        "per_page",
        "concurrency",
        "retry_failed",
        "allow_unsafe_store",
        "allow_account_mismatch",
        "allow_deletions",
    )
    ui_color = "#e4d8f5"

    # Replaced in tests: how the ports are opened, and what runs with them.
    open_ports: ClassVar[Any] = staticmethod(open_ports)
    archive: ClassVar[Any] = staticmethod(archive)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        aws_conn_id: str | None = "aws_default",
        start: datetime | str | None = ArchiveSettings.start,
        end: datetime | str | None = ArchiveSettings.end,
        lookback: timedelta | str = ArchiveSettings.lookback,
        refresh_within: timedelta | str | None = ArchiveSettings.refresh_within,
        per_page: int | str = ArchiveSettings.per_page,
        concurrency: int | str = ArchiveSettings.concurrency,
        retry_failed: bool | str = ArchiveSettings.retry_failed,
        allow_unsafe_store: bool | str = ArchiveSettings.allow_unsafe_store,
        allow_account_mismatch: bool | str = ArchiveSettings.allow_account_mismatch,
        allow_deletions: int | str = ArchiveSettings.allow_deletions,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.stablecog_conn_id = stablecog_conn_id
        self.aws_conn_id = aws_conn_id
        self.start = start
        self.end = end
        self.lookback = lookback
        self.refresh_within = refresh_within
        self.per_page = per_page
        self.concurrency = concurrency
        self.retry_failed = retry_failed
        self.allow_unsafe_store = allow_unsafe_store
        self.allow_account_mismatch = allow_account_mismatch
        self.allow_deletions = allow_deletions
        self.deferrable = deferrable
        try:
            ArchiveSettings(layout=Layout("any-bucket"), **values_of(self, _READERS, rendered=False))
        except ConfigurationError as error:
            raise ValueError(str(error)) from None

    def execute(self, context: Context) -> RunSummary:
        """Run, log the report, and raise if the proof differs. AirflowFailException if a retry cannot help."""
        return self._execute(context, None, WAITS_HERE if self.deferrable else None)

    def resume(self, context: Context, event: dict[str, Any], earlier: dict[str, Any], answered: bool) -> RunSummary:
        """Continue after a wait in the triggerer, as `execute` does after a wait of its own."""
        try:
            before, waits_here = resumed(event, earlier, answered=answered)
        except ArchiveError as error:
            raise self.failure(error, context) from None
        return self._execute(context, before, waits_here)

    def _execute(self, context: Context, earlier: Earlier | None, waits_here: float | None) -> RunSummary:
        try:
            report = self._run(earlier, waits_here)
            summary = report.summary()
            self.note_report(report)
            emit(report, self.dag_id, self.task_id)
            self.note_lineage(self.stablecog_conn_id, report.source, layout_of(self.bucket, self.prefix))
            self._log_report(report)
            if report.proof is not None and not report.proven:
                # A failed task returns nothing, but whoever looks at it needs the numbers.
                context["ti"].xcom_push(key="return_value", value=summary)
                raise ProofDiffers(
                    f"{report.archive}: {_difference(report, report.proof)}",
                    hint="all that was read is saved; the retry reads the periods that differ again (see the log above)",
                )
        except Postponed as postponed:
            self.log.warning("Waiting %.0f s in the triggerer: %s", postponed.wait.seconds, postponed.message)
            raise deferred(postponed, self.stablecog_conn_id) from None
        except ArchiveError as error:
            self.keep_for_later(context)
            raise self.failure(error, context) from None
        except BaseException:
            # Also if Airflow stops the task.
            self.keep_for_later(context)
            raise
        self.announce(context, cast("dict[str, Any]", summary))
        return summary

    def lineage_of(self, layout: Layout, report: Any) -> Any:
        """Return what the task reads and writes, for OpenLineage."""
        return lineage_of_run(layout, self.stablecog_conn_id, report)

    def _run(self, earlier: Earlier | None, waits_here: float | None) -> RunReport:
        settings = ArchiveSettings(
            layout=layout_of(self.bucket, self.prefix), **values_of(self, _READERS, rendered=True)
        )
        # Airflow's own calls block, so they are made before there is an event loop.
        source = replace(source_settings(self.stablecog_conn_id), waits_here=waits_here)
        store = store_settings(self.aws_conn_id)
        self.note_place(settings.layout, store, self.aws_conn_id)
        # The connection's name, not its address: the address is not checked yet and may hold a password.
        self.log.info("Archiving from connection %s to %s", self.stablecog_conn_id, settings.layout)
        return self.run_stoppable(lambda: self._archive(source, store, settings, earlier))

    async def _archive(
        self, source: SourceSettings, store: StoreSettings, settings: ArchiveSettings, earlier: Earlier | None
    ) -> RunReport:
        async with self.open_ports(source, store, settings.layout) as ports:
            with rarely_collected():
                report: RunReport = await self.archive(ports, settings, self.progress(), earlier)
                return report

    def _log_report(self, report: RunReport) -> None:
        if report.outcome == "proven":
            # The table is enough for most readers.
            with grouped(self.log.info, "Report"):
                for sentence in report.explain():
                    self.log.info("%s", sentence)
        else:
            for sentence in report.explain():
                self.log.warning("%s", sentence)
        for line in table_of(report):
            self.log.info("%s", line)


def _difference(report: RunReport, proof: Proof) -> str:
    if proof.agrees:
        periods = counted(len(report.differences), "period")
        return f"the counts differ in {periods}, though their sums agree ({proof.source} outputs)"
    return f"the source counts {proof.source} outputs, the manifest holds {proof.manifest}"
