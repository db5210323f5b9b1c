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
TRIAL_EVERY = 30.0
"""Seconds after which one image of a host that is down is tried all the same."""


def host_of(url: str) -> str:
    """Host and port of an address, in lower case."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


@dataclass(slots=True)
class _Host:
    failed_in_a_row: int = 0
    served: bool = False
    trial_at: float = 0.0
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
        self._refused_in_a_row, self._refused_for = 0, ""
        self._any_archived = any_archived

    @property
    def down(self) -> dict[str, str]:
        """The hosts that are down, each with the last failure."""
        return {name: host.cause for name, host in self._hosts.items() if host.failed_in_a_row >= self._limit}

    def check(self, host: str) -> None:
        """Raise ImageHostDown while the host is down, except for an occasional trial."""
        known = self._hosts.get(host)
        if known is None or known.failed_in_a_row < self._limit:
            return
        if self._monotonic() >= known.trial_at:
            known.trial_at = self._monotonic() + TRIAL_EVERY
            return
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
        if known.failed_in_a_row >= self._limit:
            known.trial_at = self._monotonic() + TRIAL_EVERY

    def refused(self, error: ImageRefused) -> None:
        """Raises ConfigurationError if all images so far, those of earlier runs included, are on one host that is not allowed: a
        setting is missing, and a thousand failed rows would say so less clearly.
        """
        alike = error.hint == self._refused_for
        self._refused_for, self._refused_in_a_row = error.hint, self._refused_in_a_row + 1 if alike else 1
        if self._refused_in_a_row >= self._limit and error.hint and not self._any_archived:
            raise ConfigurationError(
                f"all of the first {self._limit} images were refused: {error.message}", hint=error.hint
            )

    def _known(self, host: str) -> _Host:
        return self._hosts.setdefault(host, _Host())
