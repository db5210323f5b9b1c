"""The operator that verifies an archive."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from airflow.sdk import Context

from ...adapters.assembly import open_bucket
from ...adapters.garbage import rarely_collected
from ...adapters.settings import StoreSettings
from ...archive.reports.verify import VerifyReport
from ...archive.reports.wording import counted
from ...archive.verify import VerifySettings, verify
from ...errors import ArchiveDamaged, ArchiveError, ConfigurationError, StoreUnavailable
from ...model.object_keys import Layout
from ..arguments import flag_of, layout_of, number_of, text_of, values_of
from ..connections import source_settings, store_settings
from ..hooks import StablecogHook
from ..lineage import lineage_of_verify
from ..task_log import progress_of
from .base import ArchiveOperator

_READERS = {"level": text_of, "budget": text_of, "repair": flag_of, "concurrency": number_of}


class StablecogVerifyOperator(ArchiveOperator):
    """Compares the stored images of an archive with its manifest, and repairs them if asked. Deletes nothing.

    Safe to run beside other tasks of the same archive. With a budget, each run takes the slice that was least recently verified,
    so that a daily task verifies everything within a known number of days. Returns the summary and adds it to the event of every
    asset in `outlets`. The task fails if something is left damaged, and is retried if something could not be read.

    :param bucket: the bucket. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param stablecog_conn_id: a connection of type `stablecog`; only its image hosts are used, and only to repair. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param level: `listing` (presence and size), `checksum` (the SHA-256 that the store keeps) or `content` (every byte).
        (templated)
    :param budget: how much to check, in bytes (`50GB`), time (`2h`) or images (`10000`); None or empty for all. (templated)
    :param repair: put back what is damaged: from an earlier version of the object, else from the source. (templated)
    :param concurrency: upper limit on parallel requests. The actual number adapts to what the store can
        take. (templated)
    """

    template_fields = (
        "bucket",
        "prefix",
        "stablecog_conn_id",
        "aws_conn_id",
        "level",
        "budget",
        "repair",
        "concurrency",
    )
    ui_color = "#e4d8f5"

    # Replaced in tests: how the ports are opened, and what runs with them.
    open_bucket: ClassVar[Any] = staticmethod(open_bucket)
    verify: ClassVar[Any] = staticmethod(verify)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        aws_conn_id: str | None = "aws_default",
        level: str = VerifySettings.level,
        budget: str | None = VerifySettings.budget,
        repair: bool | str = VerifySettings.repair,
        concurrency: int | str = VerifySettings.concurrency,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.stablecog_conn_id = stablecog_conn_id
        self.aws_conn_id = aws_conn_id
        self.level = level
        self.budget = budget
        self.repair = repair
        self.concurrency = concurrency
        try:
            VerifySettings(layout=Layout("any-bucket"), **values_of(self, _READERS, rendered=False))
        except ConfigurationError as error:
            raise ValueError(str(error)) from None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run, log the report, and raise if something is damaged or unread. AirflowFailException if a retry cannot help."""
        try:
            report = self._run()
            summary = report.summary()
            self.note_report(report)
            self._log_report(report)
            if report.exit_code:
                # A failed task returns nothing, but whoever looks at it needs the numbers.
                context["ti"].xcom_push(key="return_value", value=summary)
                raise _failure(report)
        except ArchiveError as error:
            raise self.failure(error, context) from None
        self.announce(context, summary)
        return summary

    def lineage_of(self, layout: Layout, report: Any) -> Any:
        """Return what the task reads, for OpenLineage."""
        return lineage_of_verify(layout, report)

    def _run(self) -> VerifyReport:
        settings = VerifySettings(
            layout=layout_of(self.bucket, self.prefix), **values_of(self, _READERS, rendered=True)
        )
        # Airflow's own calls block, so they are made before there is an event loop.
        image_hosts = source_settings(self.stablecog_conn_id).image_hosts if settings.repair else ()
        store = store_settings(self.aws_conn_id)
        self.note_place(settings.layout, store, self.aws_conn_id)
        self.log.info("Verifying %s (%s)", settings.layout, settings.level)
        return self.run_stoppable(lambda: self._verify(store, image_hosts, settings))

    async def _verify(
        self, store: StoreSettings, image_hosts: tuple[str, ...], settings: VerifySettings
    ) -> VerifyReport:
        async with self.open_bucket(store, settings.layout, image_hosts) as ports:
            with rarely_collected():
                return cast("VerifyReport", await self.verify(ports, settings, progress_of(self.log.info)))

    def _log_report(self, report: VerifyReport) -> None:
        log = self.log.warning if report.exit_code or report.findings else self.log.info
        for sentence in report.explain():
            log("%s", sentence)


def _failure(report: VerifyReport) -> ArchiveError:
    if report.unrepaired:
        return ArchiveDamaged(
            f"{report.archive}: {counted(report.unrepaired, 'finding is', 'findings are')} not repaired",
            hint="the log above and the report under runs/ name each; `stablecog-archive verify --repair` repairs what an "
            "earlier version or the source still has",
        )
    return StoreUnavailable(
        f"{report.archive}: {counted(report.unread, 'image or partition', 'images or partitions')} could not be read: "
        f"{report.first_unread}",
        hint="nothing is known to be damaged; the retry reads them again",
    )
