"""Tells a host that is down from images that cannot be had: the first ends the run, the others are recorded one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import ConfigurationError, ImageRefused, SourceUnavailable, TransientError

IMAGES_IN_A_ROW = 20
"""Given up one after another with none archived between: then the host is down."""


class OutageDetector:
    """One run's. An image that was given up waits for the verdict: it alone is to blame as soon as another one arrives, or
    when nothing more is on its way; the host is, when `limit` in a row were given up.

    Images that failed in earlier runs have had their verdict, and bring none about: a host that died years ago and is asked
    once more for the few images it had must not stop a run.
    """

    def __init__(self, limit: int = IMAGES_IN_A_ROW) -> None:
        self._limit = limit
        self._in_a_row = self._again_in_a_row = self._refused_in_a_row = 0
        self._refused_for = ""
        self._any_archived = False
        self._on_the_way = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._cause: TransientError | None = None

    @property
    def only_repeat_failures(self) -> bool:
        """Whether images that failed before go on failing, so that one attempt at each is enough."""
        return self._again_in_a_row >= self._limit

    @contextmanager
    def on_the_way(self) -> Iterator[None]:
        """Around whatever may still end in an archived image."""
        self._on_the_way += 1
        try:
            yield
        finally:
            self._on_the_way -= 1
            if not self._on_the_way:
                self._notify()

    def check(self) -> None:
        """Raises SourceUnavailable once the host is known to be down."""
        if self._cause:
            raise SourceUnavailable(
                f"{self._limit} images in a row could not be fetched, the last one: {self._cause.message}",
                hint="run again when the image host answers: these images were not recorded as failed, and the next "
                "run begins with them. Is that host gone for good, archive what came later by naming a start",
                retry_after=self._cause.retry_after,
            )

    def archived(self) -> None:
        self._any_archived = True
        self._in_a_row = self._again_in_a_row = 0
        self._notify()

    def failed_again(self) -> None:
        self._again_in_a_row += 1

    def refused(self, error: ImageRefused) -> None:
        """Raises ConfigurationError where all images lie on one host that was not named: a setting is missing, and a
        thousand failed rows would say so less clearly.
        """
        alike = error.hint == self._refused_for
        self._refused_for, self._refused_in_a_row = error.hint, self._refused_in_a_row + 1 if alike else 1
        if self._refused_in_a_row >= self._limit and error.hint and not self._any_archived:
            raise ConfigurationError(
                f"all of the first {self._limit} images were refused: {error.message}", hint=error.hint
            )

    async def given_up(self, error: TransientError) -> None:
        """Returns when the image alone is to blame. Raises SourceUnavailable where the host is."""
        self._in_a_row += 1
        if self._in_a_row >= self._limit:
            self._cause = self._cause or error
            self._notify()
        elif self._on_the_way:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        self.check()

    def _notify(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()
