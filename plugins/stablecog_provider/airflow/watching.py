"""One look for new outputs, as the sensor and the triggers make it: from names of connections to an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from asgiref.sync import sync_to_async

from ..adapters.assembly import open_source, open_store
from ..adapters.memory import SystemClock
from ..adapters.settings import SourceSettings, StoreSettings
from ..archive.new_outputs import NewOutputs, new_outputs
from ..archive.ports import Clock, ObjectStore, Source
from ..errors import RateLimited, SourceUnavailable, StoreUnavailable
from ..model.object_keys import Layout
from .arguments import layout_of
from .connections import source_settings, store_settings
from .running import StoppableRun

Opened = tuple[Source, ObjectStore, Clock]
Open = Callable[[SourceSettings, StoreSettings, Layout], AbstractAsyncContextManager[Opened]]


@asynccontextmanager
async def open_watch(source: SourceSettings, store: StoreSettings, layout: Layout) -> AsyncIterator[Opened]:
    """Open what a look needs, until the block ends. Raises ConfigurationError."""
    async with open_source(source) as api, open_store(store, layout) as bucket:
        yield api, bucket, SystemClock()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a look found: `found`, or nothing yet. `reason`: why nothing could be asked, if so. `wait`: seconds that the other
    side asked to wait before the next request.
    """

    found: NewOutputs | None = None
    reason: str = ""
    wait: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Where to look. Holds names of connections, and no secret."""

    bucket: str
    prefix: str
    stablecog_conn_id: str
    aws_conn_id: str | None
    open: Open = field(default=open_watch, repr=False)

    def run(self) -> StoppableRun[Answer]:
        """Read the connections, and return the look. Blocks, as Airflow's own calls do. Raises ArchiveError."""
        layout = layout_of(self.bucket, self.prefix)
        # One attempt: whoever looks has an interval, and looks again.
        source = replace(source_settings(self.stablecog_conn_id), attempts=1)
        store = store_settings(self.aws_conn_id)
        return StoppableRun(lambda: self._look(source, store, layout))

    async def look(self) -> Answer:
        """Look without blocking the event loop: connections in one thread, requests in another. Raises ArchiveError."""
        try:
            run = await sync_to_async(self.run, thread_sensitive=False)()
        except StoreUnavailable as error:
            return _not_now(error)
        return await run.wait()

    async def _look(self, source: SourceSettings, store: StoreSettings, layout: Layout) -> Answer:
        try:
            async with self.open(source, store, layout) as (api, bucket, clock):
                return Answer(await new_outputs(api, bucket, clock, layout))
        except (RateLimited, SourceUnavailable, StoreUnavailable) as error:
            return _not_now(error)


def _not_now(error: Any) -> Answer:
    return Answer(reason=error.message, wait=error.retry_after or 0.0)
