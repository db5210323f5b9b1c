"""A report's entry for an image that could not be archived."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Failure:
    """One image that could not be archived."""

    output_id: str
    rendition: str
    reason: str
