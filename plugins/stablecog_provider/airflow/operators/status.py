"""The operator that checks the state of an archive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from airflow.sdk import Context

from ...adapters.assembly import open_store
from ...adapters.settings import StoreSettings
from ...archive.reports.wording import MAX_SUMMARY, shortened
from ...archive.status import ArchiveStatus, Limits, status
from ...errors import ArchiveError, ConfigurationError, ProofDiffers
from ...model.object_keys import Layout
from ..arguments import layout_of, span_of, values_of
from ..connections import store_settings
from .base import ArchiveOperator

_READERS = {"max_lag": span_of, "max_unverified": span_of, "max_unrefreshed": span_of}


class StablecogStatusOperator(ArchiveOperator):
    """Fails if an archive is not proven, or if what is known of it is older than a limit. Reads the bucket alone.

    Returns `archive`, `outcome`, `next_step`, `broken` and `explanation`, also if it fails.

    :param bucket: the bucket. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param max_lag: fail if the newest covered instant, or the last comparison, is older; None or empty for no limit.
        A timedelta, or a text as `36h`. (templated)
    :param max_unverified: fail if stored bytes were not verified for longer. Written as `max_lag`. (templated)
    :param max_unrefreshed: fail if metadata was not read from the source for longer. Written as `max_lag`. (templated)
    """

    template_fields = ("bucket", "prefix", "aws_conn_id", "max_lag", "max_unverified", "max_unrefreshed")
    ui_color = "#e4d8f5"

    # Replaced in tests: how the store is opened.
    open_store: ClassVar[Any] = staticmethod(open_store)

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        aws_conn_id: str | None = "aws_default",
        max_lag: timedelta | str | None = None,
        max_unverified: timedelta | str | None = None,
        max_unrefreshed: timedelta | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.aws_conn_id = aws_conn_id
        self.max_lag = max_lag
        self.max_unverified = max_unverified
        self.max_unrefreshed = max_unrefreshed
        try:
            self._limits(rendered=False)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the state, log it, and raise if something is left. AirflowFailException if a retry cannot help."""
        try:
            # Airflow's own calls block, so they are made before there is an event loop.
            layout, store = layout_of(self.bucket, self.prefix), store_settings(self.aws_conn_id)
            self.note_place(layout, store, self.aws_conn_id)
            found = self.run_stoppable(lambda: self._read(store, layout))
            log = self.log.warning if found.exit_code else self.log.info
            for sentence in found.explain():
                log("%s", sentence)
            summary: dict[str, Any] = {
                "archive": found.archive,
                "outcome": found.outcome.value,
                "next_step": found.next_step,
                "broken": list(found.broken),
                "explanation": shortened(found.explain(), MAX_SUMMARY // 2),
            }
            if found.exit_code:
                context["ti"].xcom_push(key="return_value", value=summary)
                what = f"{found.outcome}, and a limit is broken" if found.broken else str(found.outcome)
                raise ProofDiffers(f"{found.archive}: {what}", hint=found.next_step)
        except ArchiveError as error:
            raise self.failure(error, context) from None
        return summary

    def _limits(self, *, rendered: bool) -> Limits:
        given = values_of(self, _READERS, rendered=rendered)
        return Limits(**{name.removeprefix("max_"): span for name, span in given.items()})

    async def _read(self, store: StoreSettings, layout: Layout) -> ArchiveStatus:
        async with self.open_store(store, layout) as opened:
            return await status(opened, layout, limits=self._limits(rendered=True))
