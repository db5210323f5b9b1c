"""The sensor: waits for new outputs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.sdk import Context, PokeReturnValue
from airflow.sdk.bases.sensor import BaseSensorOperator

from ..errors import ArchiveError, StoreUnavailable
from .errors import as_airflow, error_of
from .hooks import StablecogHook
from .running import StoppableRun
from .triggers import StablecogNewOutputsTrigger
from .watching import Answer, Watch, open_watch


class StablecogNewOutputsSensor(BaseSensorOperator):
    """Waits until the source has settled outputs that the archive lacks. A bucket without an archive lacks all of them.

    Makes one request to the source per look. A rate limit is waited for as long as the source asks. A source or a store that is
    down is waited for, too, until `timeout`. Returns `archive`, `watermark`, `seen` and `oldest`: the archive's watermark, and
    how many new outputs one page showed.

    :param bucket: the bucket. (templated)
    :param prefix: the archive's prefix in the bucket; empty for the root. (templated)
    :param stablecog_conn_id: a connection of type `stablecog`. (templated)
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials. (templated)
    :param deferrable: wait in the triggerer, without a worker slot; default: Airflow's `[operators] default_deferrable`.
    """

    template_fields = ("bucket", "prefix", "stablecog_conn_id", "aws_conn_id")
    ui_color = "#e4d8f5"

    # Replaced in tests: how the source and the bucket are opened.
    open_watch: ClassVar[Any] = staticmethod(open_watch)

    _running: StoppableRun[Answer] | None = None
    _asked_to_wait: float = 0.0

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        aws_conn_id: str | None = "aws_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket = bucket
        self.prefix = prefix
        self.stablecog_conn_id = stablecog_conn_id
        self.aws_conn_id = aws_conn_id
        self.deferrable = deferrable

    def poke(self, context: Context) -> PokeReturnValue | bool:
        """Look once. Raises AirflowFailException for what no wait changes."""
        try:
            answer = self._look()
        except ArchiveError as error:
            raise as_airflow(error, self.log) from None
        self._asked_to_wait = answer.wait
        if answer.reason:
            self.log.warning("Nothing was asked this time: %s", answer.reason)
        if answer.found:
            self.log.info("%d new outputs on the first page, the oldest of %s", answer.found.seen, answer.found.oldest)
            return PokeReturnValue(is_done=True, xcom_value=answer.found.to_document())
        return False

    def execute(self, context: Context) -> Any:
        """Wait, in the worker or in the triggerer, and return what was found."""
        if not self.deferrable:
            return super().execute(context)
        try:
            found = self.poke(context)
        except AirflowFailException as error:
            # As in the other modes, and after a deferral.
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException("The sensor failed, and is skipped as it was told.") from error
            raise
        if isinstance(found, PokeReturnValue):
            return found.xcom_value
        raise TaskDeferred(
            trigger=StablecogNewOutputsTrigger(
                self.bucket,
                self.prefix,
                self.stablecog_conn_id,
                self.aws_conn_id,
                self.poke_interval,
                not_before=time.time() + max(self.poke_interval, self._asked_to_wait),
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Return what the trigger found, or raise its error."""
        if "error" in event:
            raise as_airflow(error_of(event["error"]), self.log) from None
        found: dict[str, Any] = event["found"]
        self.log.info("%d new outputs on the first page, the oldest of %s", found["seen"], found["oldest"])
        return found

    def on_kill(self) -> None:
        """Stop the look that is under way."""
        if self._running is not None:
            self._running.stop()

    def _look(self) -> Answer:
        watch = Watch(
            bucket=self.bucket,
            prefix=self.prefix,
            stablecog_conn_id=self.stablecog_conn_id,
            aws_conn_id=self.aws_conn_id,
            open=self.open_watch,
        )
        try:
            self._running = watch.run()
            return self._running.result()
        except StoreUnavailable as error:
            return Answer(reason=error.message, wait=error.retry_after or 0.0)
        finally:
            self._running = None

    def _get_next_poke_interval(
        self, started_at: datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        """Airflow's interval, or what the source has asked for if that is longer. Airflow checks `timeout` before it asks."""
        return max(super()._get_next_poke_interval(started_at, run_duration, poke_count), self._asked_to_wait)
