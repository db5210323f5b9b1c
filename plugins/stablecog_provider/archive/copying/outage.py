"""Tells image hosts that are down from images that cannot be had, host by host.

A host that is down never stops the others: its images are skipped, and a later run retries them. One image is tried now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...errors import ConfigurationError, ImageHostDown, ImageRefused, TransientError

IMAGES_IN_A_ROW = 20
"""If so many images of a host fail one after another, with none archived in between, the host is down."""
FIRST_TRIAL, LONGEST_WAIT = 30.0, 600.0
"""Seconds after which one image of a host that is down is tried all the same: doubled with each trial, up to the longest. One is
also tried once as many were skipped as failed in a row, then twice as many, and so on: the broken images of one day must not
pass for an outage of the whole host.
"""


def host_of(url: str) -> str:
    """Host and port of an address, in lower case."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


@dataclass(slots=True)
class _Host:
    failed_in_a_row: int = 0
    served: bool = False
    wait: float = FIRST_TRIAL
    trial_at: float = 0.0
    skipped: int = 0
    skips: int = 0
    cause: str = ""


class OutageDetector:
    """One run's. `limit`: failures in a row that mean an outage. `any_archived`: whether an earlier run archived any image."""

    def __init__(
        self,
        limit: int = IMAGES_IN_A_ROW,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        any_archived: bool = False,
    ) -> None:
        self._limit, self._monotonic = limit, monotonic
        self._hosts: dict[str, _Host] = {}
        self._asked = set[str]()
        self._refused_in_a_row, self._refused_for = 0, ""
        self._any_archived = any_archived

    @property
    def down(self) -> dict[str, str]:
        """The hosts that are down, each with the last failure."""
        return {name: host.cause for name, host in self._hosts.items() if host.failed_in_a_row >= self._limit}

    def is_trial(self, host: str) -> bool:
        """Whether a request now would be a trial of a host that is down. Else raises ImageHostDown while it is down."""
        self._asked.add(host)
        known = self._hosts.get(host)
        if known is None or known.failed_in_a_row < self._limit:
            return False
        if self._monotonic() >= known.trial_at or known.skipped >= known.skips:
            known.wait = min(2 * known.wait, LONGEST_WAIT)
            known.trial_at = self._monotonic() + known.wait
            known.skipped, known.skips = 0, 2 * known.skips
            return True
        known.skipped += 1
        raise ImageHostDown(
            f"not tried: {self._limit} images of {host} in a row could not be fetched, the last one: {known.cause}"
        )

    def archived(self, host: str) -> None:
        """Note that an image of the host was fetched completely."""
        self._any_archived = True
        self._known(host).failed_in_a_row = 0
        self._known(host).served = True

    def served(self, host: str) -> bool:
        """Whether the host served any image in this run."""
        return host in self._hosts and self._hosts[host].served

    def failed(self, host: str, error: TransientError) -> None:
        """Note that an image of the host was given up after its retries."""
        known = self._known(host)
        known.failed_in_a_row += 1
        known.cause = error.message
        if known.failed_in_a_row == self._limit:
            known.wait = FIRST_TRIAL
            known.trial_at = self._monotonic() + known.wait
            known.skipped, known.skips = 0, self._limit

    def refused(self, error: ImageRefused) -> None:
        """Raises ConfigurationError if all images so far, those of earlier runs included, are on one host and were refused: a
        setting is missing, and a thousand failed rows would say so less clearly.
        """
        alike = error.hint == self._refused_for
        self._refused_for, self._refused_in_a_row = error.hint, self._refused_in_a_row + 1 if alike else 1
        is_all = len(self._asked) <= 1 and not self._any_archived
        if self._refused_in_a_row >= self._limit and error.hint and is_all:
            raise ConfigurationError(
                f"all of the first {self._limit} images were refused: {error.message}", hint=error.hint
            )

    def _known(self, host: str) -> _Host:
        return self._hosts.setdefault(host, _Host())
