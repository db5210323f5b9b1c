"""Leaves a report of each run under `runs/`, also of one that fails, is interrupted, or is killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..errors import ArchiveError, ConfigurationError, CredentialsRejected, FatalError
from ..model.object_keys import Layout
from .committing.tally import Tally
from .forgetting.late_reports import without_forgotten
from .ports import Clock, ObjectStore
from .reports.unfinished import RUNNING, failed_document, not_ended_in_words, running_document
from .resilience.retry import WaitElsewhere

SMALL = 2000
"""Bytes, more than what a run writes when it begins."""
LOOKED_AT = 6
"""The newest reports, of whatever command: a killed run is named even if a verify or a refresh has ended since."""
LAST_WORDS = 10.0
"""Seconds that the report of a failed run may take: a store that is down must not delay the error."""


@dataclass(slots=True)
class Recorder:
    """The report of one run. `kind`: the command. The key of the report is known from the start, so that the run that ends
    replaces what it wrote when it began.
    """

    store: ObjectStore
    layout: Layout
    clock: Clock
    kind: str
    run_id: str
    started: datetime
    is_begun: bool = False
    found: tuple[str, ...] = ()
    """Sentences on what was found or done before it failed, for the report of the failure."""
    clean: Callable[[dict[str, Any]], dict[str, Any]] = lambda document: document
    """Takes out of a document what must not be kept."""
    tally: Callable[[], Tally] = Tally
    """Returns what the run has committed so far."""

    async def begin(self) -> tuple[str, ...]:
        """Note that the run is at work. Returns a sentence if runs before it have not ended."""
        notes = await self._before()
        await self.write(running_document(self.kind, self.run_id, str(self.layout), self.started))
        self.is_begun = True
        return notes

    async def write(self, document: dict[str, Any]) -> None:
        """Write the report in its present state, without outputs that were forgotten since the run began."""
        await self.write_beside(self.layout.run_report(self.started, self.run_id), document)

    async def write_beside(self, key: str, document: dict[str, Any]) -> None:
        """Write what is too long for the report under a key of its own, as `write` does."""
        document = self.clean(await without_forgotten(self.store, self.layout, document, self.started))
        body = await asyncio.to_thread(lambda: json.dumps(document, sort_keys=True, indent=1).encode() + b"\n")
        await self.store.put(key, body, content_type="application/json")

    async def fail(self, error: BaseException) -> None:
        """Write why the run ended, if there is an archive. A run that is refused before it begins writes nothing: its key or its
        settings may be those of another archive. Raises nothing: the error itself matters more.
        """
        if not self.is_begun and _is_refusal(error):
            return
        # Without details of errors that are not ours: they may quote anything, secrets included.
        message, hint = (error.message, error.hint) if isinstance(error, ArchiveError) else ("", "")
        with suppress(Exception):
            async with asyncio.timeout(LAST_WORDS):
                if self.is_begun or await self.store.head(self.layout.checkpoint) is not None:
                    head = running_document(self.kind, self.run_id, str(self.layout), self.started)
                    interrupted = isinstance(error, asyncio.CancelledError | WaitElsewhere)
                    document = failed_document(
                        head, self.clock.now(), type(error).__name__, message, hint, interrupted=interrupted
                    )
                    await self.write(document | {"explanation": [*document["explanation"], *self.found]})

    async def _before(self) -> tuple[str, ...]:
        sizes = dict[str, int]()
        months = {f"{at:%Y%m}" for at in (self.started, self.started.replace(day=1) - timedelta(days=1))}
        for month in sorted(months, reverse=True):
            listing = self.store.list(f"{self.layout.runs}{month}")
            sizes |= {each.key: each.size async for each in listing if self.layout.is_run_report(each.key)}
            if sizes:
                break
        # The report of a run that came to its end is larger.
        small = [key for key in sorted(sizes, reverse=True)[:LOOKED_AT] if sizes[key] <= SMALL]
        found = await asyncio.gather(*map(self._not_ended, small))
        documents = [each for each in found if each is not None]
        return (not_ended_in_words(documents),) if documents else ()

    async def _not_ended(self, key: str) -> dict[str, Any] | None:
        try:
            stored = await self.store.get(key)
            document = json.loads(stored.body) if stored else None
        except (ValueError, ConfigurationError):
            # A report only adds to what the checkpoint says. It may be in an archive storage class by now.
            return None
        return document if isinstance(document, dict) and document.get("outcome") == RUNNING else None


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, ConfigurationError | FatalError) and not isinstance(error, CredentialsRejected)


@asynccontextmanager
async def recorded(recorder: Recorder) -> AsyncIterator[Recorder]:
    """A run's report if it does not end as it should; the error goes on as it is."""
    try:
        yield recorder
    except (Exception, asyncio.CancelledError) as error:
        await recorder.fail(error)
        raise
