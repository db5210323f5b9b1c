"""The settings of a run: defaults and bounds, which every surface takes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar

from ..errors import ConfigurationError
from ..model.object_keys import Layout
from ..model.page import MAX_PER_PAGE
from ..model.times import BEGINNING, FAR_FUTURE
from .copying.concurrency import DEFAULT_CONCURRENCY
from .listing.pace import LEAST_WITHIN


# Without slots: a default is a class attribute, and the command line and the operator take it from here.
@dataclass(frozen=True)
class ArchiveSettings:
    """What one run does. Raises ConfigurationError if a value has the wrong type or is out of bounds.

    - `layout`: the bucket and the prefix of the archive.
    - `start`, `end`: archive outputs from `start` on and before `end`. Both need a time zone. None: no bound.
    - `lookback`: how far before the watermark the listing is read again, for late upscales and changed metadata; at
      most about 6,000 outputs (`LOOKBACK_OUTPUTS`). 0: off.
    - `refresh_within`: read so much of the history again that everything was read within this time, if the runs go on at their
      interval. None: one slice per run.
    - `per_page`: outputs per request to the listing.
    - `concurrency`: upper limit on parallel copies. The actual number adapts to what the hosts can take.
    - `bytes_in_flight`: upper limit on bytes of images held in memory while they are copied.
    - `retry_failed`: retry all failed images now, not only those whose retry is due.
    - `allow_unsafe_store`: continue if the store ignores conditional writes.
    - `allow_account_mismatch`: continue even if the source does not look like the archived account.
    - `allow_deletions`: mark up to this many outputs as deleted at the source, even if that is more than half of the archive.
    """

    BOUNDS: ClassVar[Mapping[str, tuple[int, int]]] = MappingProxyType(
        {
            "per_page": (1, MAX_PER_PAGE),
            "concurrency": (1, 1024),
            "bytes_in_flight": (1, 1024**4),
            "allow_deletions": (0, 10**9),
        }
    )
    """The least and the greatest value of each setting that is a number."""

    layout: Layout
    start: datetime | None = None
    end: datetime | None = None
    lookback: timedelta = timedelta(days=1)
    refresh_within: timedelta | None = None
    per_page: int = MAX_PER_PAGE
    concurrency: int = DEFAULT_CONCURRENCY
    bytes_in_flight: int = 32 * 1024 * 1024
    retry_failed: bool = False
    allow_unsafe_store: bool = False
    allow_account_mismatch: bool = False
    allow_deletions: int = 0

    def __post_init__(self) -> None:
        self._check_period()
        if not isinstance(self.lookback, timedelta) or self.lookback < timedelta(0):
            raise ConfigurationError(
                f"lookback: {self.lookback!r} is not a duration of 0 or more", hint="0 switches the lookback off"
            )
        check_within("refresh_within", self.refresh_within)
        for name, (least, greatest) in self.BOUNDS.items():
            value = getattr(self, name)
            # True is the number 1 to Python.
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= greatest:
                raise ConfigurationError(
                    f"{name}: {value!r} is not a whole number from {least} to {greatest}", hint=f"correct {name}"
                )
        for name in ("retry_failed", "allow_unsafe_store", "allow_account_mismatch"):
            # The text "False" of a template would count as true.
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(
                    f"{name}: {getattr(self, name)!r} is not True or False", hint=f"correct {name}"
                )

    def _check_period(self) -> None:
        for name in ("start", "end"):
            instant = getattr(self, name)
            if instant is not None and (instant.tzinfo is None or not BEGINNING <= instant < FAR_FUTURE):
                raise ConfigurationError(
                    f"{name}: {instant} is not an instant with a time zone from 2000 to 2199",
                    hint=f"correct {name}, or omit it to archive without that bound",
                )
        if self.start and self.end and self.start >= self.end:
            raise ConfigurationError(
                f"start {self.start} is not before end {self.end}", hint="the end is exclusive: choose a later one"
            )


def check_within(name: str, within: timedelta | None) -> None:
    """Raise ConfigurationError if this cannot be a time within which everything is read again."""
    if within is not None and (not isinstance(within, timedelta) or within < LEAST_WITHIN):
        raise ConfigurationError(
            f"{name}: {within!r} is not a duration of at least an hour", hint="choose for example 30 days"
        )
