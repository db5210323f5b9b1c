"""The operator that forgets outputs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, cast

from airflow.sdk import Context

from ...adapters.assembly import open_erasable
from ...adapters.garbage import rarely_collected
from ...adapters.settings import StoreSettings
from ...archive.forget import ForgetSettings, forget
from ...archive.reports.forget import ForgetReport
from ...errors import ArchiveError, ConfigurationError
from ...model.object_keys import Layout
from ..arguments import flag_of, layout_of
from ..connections import store_settings
from ..lineage import lineage_of_forget
from .base import ArchiveOperator


class StablecogForgetOperator(ArchiveOperator):
    """Deletes outputs for good: images and all versions of them, prompts, and all that the bucket says about them.

    Without `yes` it lists what it would remove. It needs a policy of its own (docs/aws.md): give it another connection than the
    daily task. Safe to run beside other tasks of the same archive, and to repeat. Returns the summary and adds it to the event
    of every asset in `outlets`.

    :param bucket: the bucket. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param id: ids of outputs to forget. (templated)
    :param where: a DuckDB expression over the manifest's columns; None or empty for none. (templated)
    :param deleted_at_source: forget outputs that the source deleted at least `older_than` ago. (templated)
    :param older_than: for `deleted_at_source`.
    :param reason: kept with the record. Name no person and quote no prompt in it. (templated)
    :param yes: do it. (templated)
    :param yes_really: do it, even if so many outputs are more than 10 % of the archive.
    """

    template_fields = ("bucket", "prefix", "aws_conn_id", "id", "where", "deleted_at_source", "reason", "yes")
    ui_color = "#f5d8d8"

    # Replaced in tests: how the ports are opened, and what runs with them.
    open_erasable: ClassVar[Any] = staticmethod(open_erasable)
    forget: ClassVar[Any] = staticmethod(forget)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        aws_conn_id: str | None = "aws_default",
        id: Sequence[str] | None = ForgetSettings.id,  # noqa: A002 - the name of the setting
        where: str | None = ForgetSettings.where,
        deleted_at_source: bool | str = ForgetSettings.deleted_at_source,
        older_than: timedelta | None = ForgetSettings.older_than,
        reason: str = ForgetSettings.reason,
        yes: bool | str = ForgetSettings.yes,
        yes_really: int | None = ForgetSettings.yes_really,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.aws_conn_id = aws_conn_id
        self.id = id
        self.where = where
        self.deleted_at_source = deleted_at_source
        self.older_than = older_than
        self.reason = reason
        self.yes = yes
        self.yes_really = yes_really
        if deleted_at_source is True:
            try:
                # Templated arguments have no value yet.
                ForgetSettings(Layout("any-bucket"), deleted_at_source=True, older_than=older_than)
            except ConfigurationError as error:
                raise ValueError(str(error)) from None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run, and log the report. Raises AirflowFailException if a retry cannot help."""
        try:
            report = self._run()
        except ArchiveError as error:
            self.keep_for_later(context)
            raise self.failure(error, context) from None
        except BaseException:
            # Also if Airflow stops the task.
            self.keep_for_later(context)
            raise
        summary = report.summary()
        if not report.dry_run:
            self.note_report(report)
        for sentence in report.explain():
            self.log.info("%s", sentence)
        self.announce(context, summary)
        return summary

    def lineage_of(self, layout: Layout, report: Any) -> Any:
        """Return what the task reads and writes, for OpenLineage."""
        return lineage_of_forget(layout)

    def _run(self) -> ForgetReport:
        ids = [self.id] if isinstance(self.id, str) else [*(self.id or ())]
        settings = ForgetSettings(
            layout=layout_of(self.bucket, self.prefix),
            id=tuple(each for each in ids if each.strip()) or None,
            where=self.where or None,
            deleted_at_source=flag_of("deleted_at_source", self.deleted_at_source),
            older_than=self.older_than,
            reason=self.reason,
            yes=flag_of("yes", self.yes),
            yes_really=self.yes_really,
        )
        # Airflow's own calls block, so they are made before there is an event loop.
        store = store_settings(self.aws_conn_id)
        self.note_place(settings.layout, store, self.aws_conn_id)
        self.log.info("Forgetting outputs of %s%s", settings.layout, " (a list only)" if settings.is_dry_run else "")
        return self.run_stoppable(lambda: self._forget(store, settings))

    async def _forget(self, store: StoreSettings, settings: ForgetSettings) -> ForgetReport:
        async with self.open_erasable(store, settings.layout) as ports:
            with rarely_collected():
                return cast("ForgetReport", await self.forget(ports, settings, self.progress()))
