"""The operator that restores from an archive."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.sdk import Context

from ...adapters.assembly import open_restore_ports
from ...adapters.garbage import rarely_collected
from ...adapters.settings import StoreSettings
from ...archive.reports.restore import RestoreReport
from ...archive.restore import RestoreSettings, restore
from ...errors import ArchiveDamaged, ArchiveError, ConfigurationError
from ...model.object_keys import Layout
from ..arguments import address_of, flag_of, layout_of, number_of, text_of, values_of
from ..assets import announce
from ..connections import source_settings, store_settings
from ..hooks import StablecogHook
from ..lineage import lineage_of_restore
from ..task_log import progress_of
from .base import ArchiveOperator

_NAMES_TAKEN = {"name_taken", "sidecar_differs"}
_READERS = {
    "where": text_of,
    "rendition": text_of,
    "sample": number_of,
    "seed": number_of,
    "only_count": flag_of,
    "concurrency": number_of,
}


class StablecogRestoreOperator(ArchiveOperator):
    """Restores images from an archive: to a folder of the worker, into another archive, or for a drill to a scratch folder.

    Exactly one of `to_folder`, `into` and `drill` says where to. Safe to run again: what is there is skipped. Writes nothing to
    the archive. Returns the counts. The task fails if an image could not be restored; all others are restored first.

    :param bucket: the bucket of the archive. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param stablecog_conn_id: a connection of type `stablecog`. A drill takes its `image_hosts`; nothing else uses it. (templated)
    :param to_folder: a folder of the worker; created if it does not exist. (templated)
    :param into: `s3://bucket/prefix` of another archive, at an empty prefix. (templated)
    :param drill: restore a sample to a scratch folder, compare it with the source, and remove the folder.
    :param where: a DuckDB expression over the manifest's columns; empty for all rows. (templated)
    :param rendition: `original`, `upscaled` or `both`. (templated)
    :param template: how files are named.
    :param sidecars: write the row of each image as JSON beside it.
    :param contact_sheet: write `index.html` with thumbnails.
    :param sample: restore this many images, drawn at random; 0 for all. A drill draws 20 by default. (templated)
    :param seed: of the drawing; None or empty for another one each time. (templated)
    :param dry_run: count what would be restored; write nothing. (templated)
    :param overwrite: replace other files of the same name.
    :param concurrency: upper limit on images at the same time. (templated)
    """

    template_fields = (
        "bucket",
        "prefix",
        "aws_conn_id",
        "stablecog_conn_id",
        "to_folder",
        "into",
        "where",
        "rendition",
        "sample",
        "seed",
        "only_count",
        "concurrency",
    )
    ui_color = "#d8f0e4"

    # Replaced in tests: how the ports are opened, and what runs with them.
    open_ports: ClassVar[Any] = staticmethod(open_restore_ports)
    restore: ClassVar[Any] = staticmethod(restore)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        aws_conn_id: str | None = "aws_default",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        to_folder: str = RestoreSettings.to_folder,
        into: str | None = RestoreSettings.into,  # type: ignore[assignment]  # both are None
        drill: bool = RestoreSettings.drill,
        where: str = RestoreSettings.where,
        rendition: str = RestoreSettings.rendition,
        template: str = RestoreSettings.template,
        sidecars: bool = RestoreSettings.sidecars,
        contact_sheet: bool = RestoreSettings.contact_sheet,
        sample: int | str = RestoreSettings.sample,
        seed: int | str | None = RestoreSettings.seed,
        dry_run: bool | str = RestoreSettings.dry_run,
        overwrite: bool = RestoreSettings.overwrite,
        concurrency: int | str = RestoreSettings.concurrency,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.aws_conn_id = aws_conn_id
        self.stablecog_conn_id = stablecog_conn_id
        self.to_folder = to_folder
        self.into = into
        self.drill = drill
        self.where = where
        self.rendition = rendition
        self.template = template
        self.sidecars = sidecars
        self.contact_sheet = contact_sheet
        self.sample = sample
        self.seed = seed
        # Airflow's own `dry_run` is a method of every operator.
        self.only_count = dry_run
        self.overwrite = overwrite
        self.concurrency = concurrency
        try:
            place = ("a folder" if to_folder else "", Layout("other") if into else None)
            self._settings(Layout("any-bucket"), *place, rendered=False)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None

    def execute(self, context: Context) -> dict[str, Any]:
        """Restore, log the report, and raise if anything could not be restored. AirflowFailException if a retry cannot help."""
        try:
            report = self._run()
            for sentence in report.explain():
                (self.log.warning if report.exit_code else self.log.info)("%s", sentence)
            counts = report.counts()
            if report.exit_code:
                # A failed task returns nothing, but whoever looks at it needs the numbers.
                context["ti"].xcom_push(key="return_value", value=counts)
                raise _failure(report)
        except ArchiveError as error:
            raise self.failure(error, context) from None
        if report.into and not report.dry_run:
            announce(self, context, report.to, counts, ())
        return counts

    def _settings(self, layout: Layout, to_folder: str, into: Layout | None, *, rendered: bool) -> RestoreSettings:
        given = values_of(self, _READERS, rendered=rendered)
        if "only_count" in given:
            given["dry_run"] = given.pop("only_count")
        return RestoreSettings(
            layout=layout,
            to_folder=to_folder,
            into=into,
            drill=self.drill,
            template=self.template,
            sidecars=self.sidecars,
            contact_sheet=self.contact_sheet,
            overwrite=self.overwrite,
            **given,
        )

    def lineage_of(self, layout: Layout, report: Any) -> Any:
        """Return what the task reads and writes, for OpenLineage."""
        return lineage_of_restore(layout, self.to_folder, address_of("into", self.into) if self.into else None)

    def _run(self) -> RestoreReport:
        into = address_of("into", self.into) if self.into else None
        settings = self._settings(layout_of(self.bucket, self.prefix), self.to_folder, into, rendered=True)
        # Airflow's own calls block, so they are made before there is an event loop.
        hosts = source_settings(self.stablecog_conn_id).image_hosts if self.drill else ()
        store = store_settings(self.aws_conn_id)
        self.note_place(settings.layout, store, self.aws_conn_id)
        self.log.info("Restoring from %s", settings.layout)
        return self.run_stoppable(lambda: self._restore(store, hosts, settings))

    async def _restore(self, store: StoreSettings, hosts: tuple[str, ...], settings: RestoreSettings) -> RestoreReport:
        async with self.open_ports(store, settings.layout, hosts) as ports:
            with rarely_collected():
                report: RestoreReport = await self.restore(ports, settings, progress_of(self.log.info))
                return report


def _failure(report: RestoreReport) -> ArchiveError:
    kinds = {each.kind for each in report.problems}
    kind = ConfigurationError if kinds <= _NAMES_TAKEN else ArchiveDamaged
    first = report.problems[0]
    return kind(
        f"{report.archive}: {report.found} problems in a restore, the first: {first.kind}: {first.key}: {first.detail}",
        hint="everything else is restored and whole; the log above names the next step",
    )
