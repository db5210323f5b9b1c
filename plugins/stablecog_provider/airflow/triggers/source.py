"""The trigger that waits until the source answers, for an operator that was refused or found it down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from ...adapters.assembly import open_source
from ...adapters.settings import SourceSettings
from ...archive.resilience.retry import SOURCE_RETRIES
from ...errors import ArchiveError, TransientError
from ...model.page import PageQuery
from ..connections import source_settings
from ..errors import document_of_error
from ..running import StoppableRun


class StablecogSourceTrigger(BaseTrigger):
    """Makes the attempts that an operator has left, with the waits between them that it would have made itself.

    Fires once: when the source answers, or with the error of the last attempt. For `StablecogToS3Operator(deferrable=True)`.

    :param stablecog_conn_id: a connection of type `stablecog`.
    :param not_before: when to make the first attempt, in seconds since 1970.
    :param deadline: after which no attempt starts, in seconds since 1970.
    :param made: attempts that the operator has made.
    :param left: attempts that it would have made after those.
    """

    # Replaced in tests: how the source is opened, and both clocks.
    open_source: ClassVar[Any] = staticmethod(open_source)
    sleep: ClassVar[Any] = staticmethod(asyncio.sleep)
    now: ClassVar[Any] = staticmethod(time.time)

    def __init__(self, stablecog_conn_id: str, not_before: float, deadline: float, made: int, left: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stablecog_conn_id = stablecog_conn_id
        self.not_before = not_before
        self.deadline = deadline
        self.made = made
        self.left = left

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, as Airflow stores them."""
        kind = type(self)
        names = ("stablecog_conn_id", "not_before", "deadline", "made", "left")
        return f"{kind.__module__}.{kind.__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield `answered`, or the error."""
        await self.sleep(max(0.0, self.not_before - self.now()))
        try:
            await self._attempts()
        except ArchiveError as error:
            yield TriggerEvent({"error": document_of_error(error)})
        else:
            yield TriggerEvent({"answered": True})

    async def _attempts(self) -> None:
        """Return as soon as the source answers. Raises the last error."""
        settings = await sync_to_async(source_settings, thread_sensitive=False)(self.stablecog_conn_id)
        # One attempt per request: the waits are here, where they hold no thread.
        once = replace(settings, attempts=1, waits_here=None)
        for number in range(1, self.left + 1):
            try:
                await StoppableRun(lambda: self._ask(once)).wait()
            except TransientError as error:
                wait = SOURCE_RETRIES.wait_after(self.made + number, error)
                if number == self.left or self.now() + wait >= self.deadline:
                    raise
                self.log.warning("Attempt %d failed, retrying in %.1f s: %s", self.made + number, wait, error.message)
            else:
                return
            await self.sleep(wait)

    async def _ask(self, settings: SourceSettings) -> None:
        async with self.open_source(settings) as api:
            await api.page(PageQuery(per_page=1))
