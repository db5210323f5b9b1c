"""The triggers that wait for new outputs: for a sensor, and for an asset."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

from ...errors import ArchiveError
from ..errors import document_of_error
from ..hooks import StablecogHook
from ..watching import Watch, open_watch


class _Waiting(BaseTrigger):
    """What both triggers share. Its arguments are names and numbers: a restarted triggerer creates it again from them."""

    # Replaced in tests: how the source and the bucket are opened, and both clocks.
    open_watch: ClassVar[Any] = staticmethod(open_watch)
    sleep: ClassVar[Any] = staticmethod(asyncio.sleep)
    now: ClassVar[Any] = staticmethod(time.time)

    def __init__(
        self, bucket: str, prefix: str, stablecog_conn_id: str, aws_conn_id: str | None, poke_interval: float
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bucket = bucket
        self.prefix = prefix
        self.stablecog_conn_id = stablecog_conn_id
        self.aws_conn_id = aws_conn_id
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, as Airflow stores them."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", self._arguments()

    def _arguments(self) -> dict[str, Any]:
        names = ("bucket", "prefix", "stablecog_conn_id", "aws_conn_id", "poke_interval")
        return {name: getattr(self, name) for name in names}

    def _watch(self) -> Watch:
        return Watch(
            bucket=self.bucket,
            prefix=self.prefix,
            stablecog_conn_id=self.stablecog_conn_id,
            aws_conn_id=self.aws_conn_id,
            open=self.open_watch,
        )

    async def _pause(self, asked: float = 0.0) -> None:
        await self.sleep(max(self.poke_interval, asked))


class StablecogNewOutputsTrigger(_Waiting):
    """Fires once, when the source has settled outputs that the archive lacks. For `StablecogNewOutputsSensor`.

    Reads the archive's watermark each time: what a run archives in the meantime is no longer new.

    :param bucket: the bucket.
    :param prefix: the archive's prefix in the bucket; empty for the root.
    :param stablecog_conn_id: a connection of type `stablecog`.
    :param aws_conn_id: an existing AWS connection; None for the triggerer's own credentials.
    :param poke_interval: seconds between two looks; longer if the source asks for it.
    :param not_before: when to look first, in seconds since 1970; 0 for at once.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        aws_conn_id: str | None = "aws_default",
        poke_interval: float = 300.0,
        not_before: float = 0.0,
    ) -> None:
        super().__init__(bucket, prefix, stablecog_conn_id, aws_conn_id, poke_interval)
        self.not_before = not_before

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield what was found, or the error that no wait changes."""
        await self.sleep(max(0.0, self.not_before - self.now()))
        while True:
            try:
                answer = await self._watch().look()
            except ArchiveError as error:
                yield TriggerEvent({"error": document_of_error(error)})
                return
            if answer.found:
                yield TriggerEvent({"found": answer.found.to_document()})
                return
            if answer.reason:
                self.log.warning("Nothing was asked this time: %s", answer.reason)
            await self._pause(answer.wait)

    def _arguments(self) -> dict[str, Any]:
        return super()._arguments() | {"not_before": self.not_before}


class StablecogNewOutputsWatcher(_Waiting, BaseEventTrigger):
    """Fires whenever new settled outputs can be archived. For an `AssetWatcher`: Dags that are scheduled on its asset then start.

    Fires once per watermark: while a Dag archives what is new, it is silent. If the watermark has not moved after `repeat_after`,
    it fires again, so that a run that failed is repeated. It also fires again after a restart of the triggerer; a run that finds
    nothing new costs a few requests.

    :param bucket: the bucket.
    :param prefix: the archive's prefix in the bucket; empty for the root.
    :param stablecog_conn_id: a connection of type `stablecog`.
    :param aws_conn_id: an existing AWS connection; None for the triggerer's own credentials.
    :param poke_interval: seconds between two looks; longer if the source asks for it.
    :param repeat_after: seconds after which it fires again though the watermark is the same.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        stablecog_conn_id: str = StablecogHook.default_conn_name,
        aws_conn_id: str | None = "aws_default",
        poke_interval: float = 300.0,
        repeat_after: float = 3600.0,
    ) -> None:
        super().__init__(bucket, prefix, stablecog_conn_id, aws_conn_id, poke_interval)
        self.repeat_after = repeat_after

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield what was found, each time that it is to be archived. Never ends: after an error, too, the next look follows."""
        fired: tuple[Any, float] | None = None
        while True:
            wait = 0.0
            try:
                answer = await self._watch().look()
            except ArchiveError as error:
                self.log.error("Nothing was asked this time: %s", error)
            else:
                wait = answer.wait
                if answer.reason:
                    self.log.warning("Nothing was asked this time: %s", answer.reason)
                if answer.found and self._is_due(fired, answer.found.watermark):
                    fired = answer.found.watermark, self.now()
                    yield TriggerEvent(answer.found.to_document())
            await self._pause(wait)

    def _is_due(self, fired: tuple[Any, float] | None, watermark: Any) -> bool:
        return fired is None or fired[0] != watermark or self.now() - fired[1] >= self.repeat_after

    def _arguments(self) -> dict[str, Any]:
        return super()._arguments() | {"repeat_after": self.repeat_after}
