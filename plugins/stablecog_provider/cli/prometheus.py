"""The state of archives as metrics, in Prometheus' text format 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime

from ..archive.status import ArchiveStatus
from ..model.verdict import Outcome

PREFIX = "stablecog_archive_"
Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def metrics(found: Sequence[ArchiveStatus], failed: Iterable[str]) -> str:
    """All metrics of these archives. `failed`: addresses of archives that could not be read. Every time is in seconds since 1970;
    one that is not known has no sample.
    """
    lines: list[str] = []
    reads = [({"archive": each.archive}, 1.0) for each in found] + [({"archive": name}, 0.0) for name in failed]
    lines += _family("readable", "Whether the state of the archive could be read.", reads)
    for name, text, samples in _families(found):
        lines += _family(name, text, samples)
    return "\n".join(lines) + "\n"


def _families(found: Sequence[ArchiveStatus]) -> Iterable[tuple[str, str, list[Sample]]]:
    def each(value: str, text: str, of: Mapping[str, float | None]) -> tuple[str, str, list[Sample]]:
        return value, text, [({"archive": name}, number) for name, number in of.items() if number is not None]

    by_name = {status.archive: status for status in found}
    yield (
        "verdict",
        "1 for the present verdict, 0 for the others.",
        [
            ({"archive": name, "verdict": outcome.value}, float(status.outcome is outcome))
            for name, status in by_name.items()
            for outcome in Outcome
        ],
    )
    yield each("exit_code", "Exit code of status: 0 or 3.", {k: float(v.exit_code) for k, v in by_name.items()})
    yield each("limits_broken", "Limits that are broken.", {k: float(len(v.broken)) for k, v in by_name.items()})
    yield each(
        "covered_timestamp_seconds", "Newest covered instant.", {k: _at(v.freshness) for k, v in by_name.items()}
    )
    yield each(
        "watermark_timestamp_seconds",
        "End of coverage before its first gap.",
        {k: _at(v.watermark) for k, v in by_name.items()},
    )
    yield each(
        "compared_timestamp_seconds",
        "When the counts were last compared.",
        {k: _at(v.proof.checked_at if v.proof else None) for k, v in by_name.items()},
    )
    yield each(
        "verified_oldest_timestamp_seconds",
        "Oldest verification of stored bytes.",
        {k: _at(v.verification.oldest) for k, v in by_name.items()},
    )
    yield each(
        "refreshed_oldest_timestamp_seconds",
        "Oldest reading of metadata.",
        {k: _at(v.refresh.oldest) for k, v in by_name.items()},
    )
    yield each(
        "unverified_images",
        "Images that were never verified.",
        {k: float(v.verification.never) for k, v in by_name.items()},
    )
    yield each(
        "unrefreshed_outputs",
        "Outputs of which it is not known when their metadata was read.",
        {k: float(v.refresh.never) for k, v in by_name.items()},
    )
    yield each("outputs", "Outputs that the source still has.", {k: float(v.live) for k, v in by_name.items()})
    yield each("bytes", "Bytes of the stored images.", {k: float(v.bytes) for k, v in by_name.items()})
    yield each("gaps", "Gaps in coverage.", {k: float(len(v.gaps.windows)) for k, v in by_name.items()})
    yield (
        "images",
        "Images by what became of them.",
        [
            ({"archive": name, "state": field.name}, float(getattr(status.images, field.name)))
            for name, status in by_name.items()
            for field in fields(status.images)
        ],
    )


def _at(instant: datetime | None) -> float | None:
    return instant.timestamp() if instant else None


def _family(name: str, text: str, samples: Sequence[Sample]) -> list[str]:
    if not samples:
        return []
    lines = [f"# HELP {PREFIX}{name} {text}", f"# TYPE {PREFIX}{name} gauge"]
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        lines.append(f"{PREFIX}{name}{{{inside}}} {value!r}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
