"""The report of an estimate: what a run would copy, and about what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ...model.documents import document_of
from .wording import SHOWN, counted, size


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateReport:
    """What a run would do. None: unknown.

    `is_new`: there is no archive yet. `outputs`, `images`, `bytes`: new ones; images and bytes are estimated from a sample.
    `retries`: images of earlier runs that are due. `sampled`: images that were looked at; `failures`: why others could not be.
    `source_requests`: about how many; `request_limit`: at most. `seconds`: about how long, at the rate of the sample.
    """

    archive: str
    source: str
    is_new: bool
    outputs: int | None
    images: int | None
    bytes: int | None
    retries: int
    sampled: int
    failures: tuple[str, ...]
    source_requests: int
    request_limit: int | None
    seconds: float | None
    images_per_second: float | None
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0; 3 if a run would copy images and none of the sample could be fetched."""
        return 3 if self.images and not self.sampled else 0

    def explain(self) -> list[str]:
        lines = [f"Dry run: nothing was written to {self.archive}.", *self.warnings, self._work_in_words()]
        if self.retries:
            lines.append(f"{counted(self.retries, 'image')} of earlier runs would be tried again.")
        if self.images:
            lines += self._sample_in_words()
        asked = (
            f"at least {self.source_requests:,}"
            if self.request_limit is None
            else f"about {self.source_requests:,}, at most {self.request_limit:,}"
        )
        lines.append(
            f"Requests to the source: {asked}. Requests to the store: at "
            f"least {self.images or 0:,}, one per image, and a few per day of the account."
        )
        if self.seconds is not None:
            rate = (
                f", at the rate of the sample ({self.images_per_second:,.1f} images per second)"
                if self.images_per_second
                else ""
            )
            lines.append(
                f"Time: about {duration(self.seconds)}{rate}. A run copies more images at a time than the sample."
            )
        return lines

    def _rate_in_words(self) -> str:
        if not self.images_per_second:
            return ""
        return f" The sample had {self.images_per_second:,.1f} images per second; a run copies more of them at a time."

    def _work_in_words(self) -> str:
        if self.outputs is None:
            return "A run would read the listing; how much is new is unknown, since the source does not count by date."
        if not self.outputs:
            return "Nothing is new. A run would look for changes in what is archived, and compare the counts."
        images = "an unknown number of images" if self.images is None else f"about {counted(self.images, 'image')}"
        much = "of unknown size" if self.bytes is None else f"about {size(self.bytes)}"
        begin = "A first run" if self.is_new else "A run"
        return f"{begin} would archive about {counted(self.outputs, 'output')}: {images}, {much}."

    def _sample_in_words(self) -> list[str]:
        lines = [f"Sizes and time are estimated from {counted(self.sampled, 'image')}."] if self.sampled else []
        if self.failures:
            lines.append(f"{counted(len(self.failures), 'image')} of the sample could not be fetched:")
            # The messages name an address each; what to do is the same for many.
            alike: dict[str, list[str]] = {}
            for failure in self.failures:
                alike.setdefault(failure.partition(" -> ")[2], []).append(failure)
            for failures in list(alike.values())[:SHOWN]:
                more = f" (and {len(failures) - 1:,} more like it)" if len(failures) > 1 else ""
                lines.append(f"  {failures[0]}{more}")
        return lines

    def to_document(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {**document_of(self), "dry_run": True, "explanation": self.explain()}


def duration(seconds: float) -> str:
    """Write a duration for people: `40 seconds`, `12 minutes`, `3.5 hours`, `2.1 days`."""
    span = timedelta(seconds=seconds)
    if span < timedelta(minutes=2):
        return f"{max(1, round(seconds)):,} seconds" if round(seconds) > 1 else "1 second"
    if span < timedelta(hours=2):
        return f"{seconds / 60:,.0f} minutes"
    if span < timedelta(days=2):
        return f"{seconds / 3600:,.1f} hours"
    return f"{seconds / 86400:,.1f} days"
