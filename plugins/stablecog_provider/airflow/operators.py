"""The operator: resolves two connections, hands plain values down, and tells Airflow what came of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any, ClassVar, cast

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import Asset, BaseHook, BaseOperator, Context
from botocore.exceptions import BotoCoreError

from ..adapters.assembly import SourceSettings, StoreSettings, open_ports
from ..archive.copying.concurrency import DEFAULT_CONCURRENCY
from ..archive.reports.progress import LoggedProgress
from ..archive.reports.run import RunReport, RunSummary
from ..archive.run import ArchiveSettings, archive
from ..errors import ArchiveError, ConfigurationError, ProofDiffers
from ..model.object_keys import Layout
from ..model.times import parse_instant
from .errors import as_airflow
from .hooks import StablecogHook

_EMPTY = {"", "none"}


class StablecogToS3Operator(BaseOperator):
    """Archives what a Stablecog account has and a bucket lacks, and proves that nothing is missing.

    Safe to run again at any time, also twice at once. Returns the run's summary, which is also on the event of every asset
    among the outlets. Fails after all is saved where the source counts otherwise; images that fail only warn.

    :param bucket: the bucket. (templated)
    :param prefix: where in it the archive lies; empty for its root. (templated)
    :param stablecog_conn_id: a connection of type `stablecog`. (templated)
    :param aws_conn_id: an AWS connection that exists; None for the credentials of the surroundings. (templated)
    :param start: archive what completed from here on; None or empty for everything. An aware datetime, an RFC 3339 text or a
        UTC day. (templated)
    :param end: archive up to here, exclusive; None or empty for all that is settled. (templated)
    :param lookback: how much of what is archived already is read again, so that late upscales and changed metadata arrive.
    :param concurrency: at most so many images are copied at the same time, fewer where a host cannot bear it.
    """

    template_fields = ("bucket", "prefix", "stablecog_conn_id", "aws_conn_id", "start", "end")
    ui_color = "#e4d8f5"

    # The seams of the tests: how the world is opened, and what is done in it.
    open_ports: ClassVar[Any] = staticmethod(open_ports)
    archive: ClassVar[Any] = staticmethod(archive)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        aws_conn_id: str | None = "aws_default",
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        lookback: timedelta = timedelta(days=1),
        concurrency: int = DEFAULT_CONCURRENCY,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if lookback < timedelta(0):
            raise ValueError(f"lookback must not be negative: {lookback}")
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1: {concurrency}")
        self.bucket = bucket
        self.prefix = prefix
        self.stablecog_conn_id = stablecog_conn_id
        self.aws_conn_id = aws_conn_id
        self.start = start
        self.end = end
        self.lookback = lookback
        self.concurrency = concurrency

    def execute(self, context: Context) -> RunSummary:
        """Run, tell, and raise where the proof differs: AirflowFailException for what a retry cannot mend."""
        try:
            report = self._run()
            summary = report.summary()
            self._log_report(report)
            if report.proof is not None and not report.proven:
                # A task that fails returns nothing, and whoever looks at it needs the numbers.
                context["ti"].xcom_push(key="return_value", value=summary)
                raise ProofDiffers(
                    f"{report.archive}: the source counts {report.proof.source} outputs, "
                    f"the manifest holds {report.proof.manifest}",
                    hint="all that was read is saved; the retry reads the places that differ once more (see the log above)",
                )
        except ArchiveError as error:
            raise as_airflow(error) from error
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra.update(cast("dict[str, Any]", summary))
        return summary

    def _run(self) -> RunReport:
        settings = ArchiveSettings(
            layout=layout_of(self.bucket, self.prefix),
            start=_instant("start", self.start),
            end=_instant("end", self.end),
            lookback=self.lookback,
            concurrency=self.concurrency,
        )
        # Airflow's own calls are not for an event loop: everything of Airflow's is asked for before there is one.
        source = StablecogHook(self.stablecog_conn_id).get_conn()
        store = store_settings(self.aws_conn_id)
        # By the connection's name: its address is not checked yet, and somebody may have put a password into it.
        self.log.info("Archiving what connection %s opens to %s", self.stablecog_conn_id, settings.layout)
        return asyncio.run(self._archive(source, store, settings))

    async def _archive(self, source: SourceSettings, store: StoreSettings, settings: ArchiveSettings) -> RunReport:
        async with self.open_ports(source, store, settings.layout) as ports:
            report: RunReport = await self.archive(ports, settings, LoggedProgress(self.log.info))
            return report

    def _log_report(self, report: RunReport) -> None:
        log = self.log.info if report.outcome == "proven" else self.log.warning
        for sentence in report.explain():
            log("%s", sentence)


def store_settings(aws_conn_id: str | None) -> StoreSettings:
    """An AWS connection as plain values; None for the credentials of the surroundings. Raises ConfigurationError.

    S3Hook itself only warns of a missing connection, and then writes to whatever the surroundings' credentials open.
    """
    if aws_conn_id is not None:
        try:
            BaseHook.get_connection(aws_conn_id)
        except AirflowNotFoundException:
            raise ConfigurationError(
                f"the AWS connection {aws_conn_id!r} does not exist",
                hint="create it, or say aws_conn_id=None for the credentials of the surroundings",
            ) from None
    hook = S3Hook(aws_conn_id=aws_conn_id)
    try:
        session = hook.get_session()
    except BotoCoreError as error:
        raise ConfigurationError(
            f"the AWS connection {aws_conn_id!r} cannot be used ({type(error).__name__})",
            hint="check its profile, region and role",
        ) from None
    return StoreSettings(
        session=session,
        endpoint_url=hook.conn_config.get_service_endpoint_url("s3"),
        region=hook.region_name or session.region_name,
        verify=hook.verify,
    )


def layout_of(bucket: str, prefix: str) -> Layout:
    """The two arguments as a place. Raises ConfigurationError."""
    try:
        return Layout(bucket, prefix.strip("/"))
    except ValueError as error:
        raise ConfigurationError(str(error), hint="set `bucket` and `prefix` of the task") from None


def _instant(name: str, value: datetime | str | None) -> datetime | None:
    """What a user or a template gives for an instant; a template of nothing renders to "None"."""
    if isinstance(value, datetime):
        value = value.isoformat()
    if value is None or value.strip().lower() in _EMPTY:
        return None
    text = value.strip()
    try:
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), clock_time(), UTC)
        return parse_instant(text)
    except ValueError:
        raise ConfigurationError(
            f"`{name}` is neither an instant with its time zone nor a UTC day: {text[:60]!r}",
            hint="write 2026-11-21 or 2026-11-21T08:00:00Z",
        ) from None
