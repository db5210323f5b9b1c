"""Words that several reports share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from ...model.checkpoint import Forgetting, Sweep
from ...model.counts import Difference, Proof
from ...model.coverage import Axis, Coverage
from ...model.damage import Damage, can_repair
from ...model.names import KnownModel
from ...model.partition_summary import ImageCounts
from ...model.refreshed import RefreshCoverage
from ...model.row_attempts import SETTLED_AFTER
from ...model.times import BEGINNING, format_instant
from ...model.verification import VerificationCoverage
from .last_run import left_in_words

SET_ASIDE = "rebuild --set-aside-damaged"
SHOWN = 5
"""Items of a kind that a report names; the rest is counted."""

MAX_SUMMARY = 7_000
"""Upper limit on the characters of JSON in XCom. A longer summary is cut; the whole report is under `runs/`."""
MAX_DAYS = 100
"""Changed days that a summary lists. The whole report lists all."""


def shortened(sentences: Iterable[str], left: int) -> list[str]:
    """Return as many sentences as fit into so many characters of JSON."""
    kept: list[str] = []
    for sentence in sentences:
        left -= len(json.dumps(sentence)) + 2
        if left < 0:
            return [*kept, "... the rest is in the report under runs/."]
        kept.append(sentence)
    return kept


def newest_days(days: Iterable[date]) -> list[str]:
    """Return the newest of these days as a summary lists them, at most `MAX_DAYS`, in ascending order."""
    return [day.isoformat() for day in sorted(days)[-MAX_DAYS:]]


def counted(number: int, one: str, many: str = "") -> str:
    """`1 image`, `2 images`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def at(instant: datetime) -> str:
    """An instant for people: UTC, to the second. Documents have it to the microsecond."""
    return f"{instant:%Y-%m-%d %H:%M:%S}Z"


def size(number: int) -> str:
    """Bytes for people."""
    amount = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def covered_in_words(coverage: Coverage, axis: Axis) -> str:
    """One sentence on the first unbroken stretch of a coverage that has one."""
    first = coverage.windows[0]
    since = f"from {at(first.start)} and " if first.start > BEGINNING else ""
    return (
        f"Every output that the source listed as {axis} {since}before {at(first.end)} (the watermark) got its row in the "
        "manifest."
    )


def difference_in_words(spot: Difference) -> str:
    """One sentence, without its full stop, on a period that differs."""
    period = f"between {at(spot.start)} and {at(spot.end)}"
    if spot.surplus:
        return f"The counts differ {period}: source {spot.source:,}, manifest {spot.manifest:,}"
    return (
        f"The counts agree {period} ({spot.source:,}), but the source does not list all outputs that the manifest holds"
    )


def shown_in_part(holes: tuple[Difference, ...]) -> Coverage:
    """The periods (axis of the walk) that the listing cannot show in full: no gaps that a run could read."""
    return Coverage.of(hole.window for hole in holes)


def holes_in_words(holes: tuple[Difference, ...], axis: Axis) -> list[str]:
    """Return a sentence on each of the first holes."""
    return [
        f"The source's listing cannot show all outputs {axis} from {at(hole.start)} to {at(hole.end)}: either its pages "
        "fail there, or more outputs are in progress at the same time than fit on one page. The source counts "
        f"{hole.source} there, the manifest holds {hole.manifest}. Later runs try again at growing intervals."
        for hole in holes[:SHOWN]
    ]


def compared_in_words(proof: Proof) -> str:
    """The period in which a proof compared counts."""
    between = counted(len(proof.left_out.windows), "period")
    without = f" (without {between} that {'was' if len(proof.left_out.windows) == 1 else 'were'} not covered)"
    return f"from {at(proof.start)} to {at(proof.end)}{without if proof.left_out else ''}"


def reread_in_words(reread: Coverage) -> list[str]:
    """Return a sentence on the periods (requested axis) that the next run reads again; none if there are none."""
    if not reread:
        return []
    first = reread.windows[0]
    return [
        f"{counted(len(reread.windows), 'period is', 'periods are')} still to be read again, the first from {at(first.start)} to "
        f"{at(first.end)}: something other than a finished run changed it, or manifest and listing differed there. The next run "
        "reads it."
    ]


def unchecked_in_words(days: int) -> list[str]:
    """Return a sentence on the number of days whose stored images have not been looked for yet; nothing for 0 days."""
    if not days:
        return []
    return [
        f"The stored images of {counted(days, 'day')} are still to be looked for in the bucket: the archive was moved, or "
        "something other than a finished run changed partitions. Each run looks for some; `rebuild --check-images` looks for "
        "all now."
    ]


def forgetting_in_words(forgetting: Sequence[Forgetting]) -> list[str]:
    """Return a sentence on what is still to be deleted of forgotten outputs; nothing if all is."""
    if not forgetting:
        return []
    days, since = {day for each in forgetting for day in each.days}, min(each.at for each in forgetting)
    return [
        f"Images or earlier versions of forgotten outputs may still be in the bucket (of {counted(len(days), 'day')}, since "
        f"{at(since)}): a forget has not come to its end, or a run stored an image at the same time. Run "
        "`stablecog-archive forget --to ... --yes`, which deletes them."
    ]


def damage_in_words(damage: Sequence[Damage]) -> list[str]:
    """Return sentences on damage that a verify found, and no later one found repaired; an empty list if there is none."""
    lines = [
        f"The verify of {format_instant(each.at)[:19]}Z ({each.level}) found damage: {left_in_words(each.left)}. No later "
        "verify of that level found it repaired."
        for each in damage
    ]
    if can_repair(damage):
        lines.append("Run `stablecog-archive verify --repair`.")
    elif damage:
        lines.append(
            "Restore an earlier version of each partition that cannot be read, and verify again; or run "
            f"`stablecog-archive {SET_ASIDE}`."
        )
    return lines


def verification_in_words(coverage: VerificationCoverage) -> list[str]:
    """Return a sentence on how much of the stored bytes was verified, and when."""
    if not coverage.images:
        return []
    if coverage.oldest is None:
        return [
            "Stored bytes were never verified since they were copied. `stablecog-archive verify` reads them and compares their "
            "SHA-256."
        ]
    ages = ", ".join(f"{number / coverage.images:.0%} within {days} d" for days, number in coverage.within_days.items())
    never = f"; {coverage.never:,} images never" if coverage.never else ""
    return [
        f"Bytes last verified: {coverage.verified_bytes / max(coverage.bytes, 1):.0%} of {size(coverage.bytes)}, the oldest at "
        f"{at(coverage.oldest)} (images: {ages}{never})."
    ]


def refresh_in_words(coverage: RefreshCoverage, sweep: Sweep) -> list[str]:
    """Return a sentence on how recently metadata was read, and one on the periods that cannot be read again."""
    if not coverage.outputs:
        return []
    again = "" if sweep.oldest else "; not everything was read a second time yet, so late upscales may be missing"
    ages = ", ".join(
        f"{number / coverage.outputs:.0%} within {days} d" for days, number in coverage.within_days.items()
    )
    never = f"; {coverage.never:,} of {coverage.outputs:,} at an unknown time" if coverage.never else ""
    oldest = (
        f"the oldest at {at(coverage.oldest)} (outputs: {ages}{never})" if coverage.oldest else "at an unknown time"
    )
    lines = [f"Metadata last refreshed: {oldest}{again}."]
    if sweep.unread:
        first, number = sweep.unread.windows[0], counted(len(sweep.unread.windows), "period")
        lines.append(
            f"{number} could not be read again, since the pages fail: the first from {at(first.start)} to {at(first.end)}."
        )
    return lines


def images_in_words(images: ImageCounts, next_retry: datetime | None) -> list[str]:
    """Return sentences on the images that are not stored, and on the next retry."""
    when = f" Next retry: {at(next_retry)}. `run --retry-failed` retries now." if next_retry else ""
    lines = []
    if images.failed:
        lines.append(f"{counted(images.failed, 'image')} could not be fetched yet.{when}")
    if images.replaced:
        lines.append(
            f"{counted(images.replaced, 'image was', 'images were')} replaced at the source: the earlier images are kept, the "
            f"new ones are not stored yet.{'' if images.failed else when}"
        )
    if images.lost:
        lines.append(
            f"{counted(images.lost, 'archived image needs', 'archived images need')} to be fetched again: the object was missing "
            "or damaged when last checked, or belongs to an earlier image that the source names again."
        )
    if images.gone:
        lines.append(
            f"{counted(images.gone, 'image is', 'images are')} gone at the source (404, 410, or deleted before they were "
            "fetched). Runs try them again at growing intervals."
        )
    if images.forgotten:
        lines.append(
            f"{counted(images.forgotten, 'row is', 'rows are')} forgotten: their outputs are counted, and nothing else of them "
            "is kept or copied again."
        )
    if images.settled:
        lines.append(
            f"{counted(images.settled, 'image that is not stored was', 'images that are not stored were')} gone in "
            f"{SETTLED_AFTER} or more attempts in a row, over at least 31 hours. The verdict no longer counts them."
        )
    return lines


def models_in_words(models: Sequence[KnownModel]) -> str:
    """Return the models by name: `3: Kandinsky 2.2, Luna Diffusion, Waifu Diffusion (retired 2024-03-01)`."""
    shown = [
        each.name if each.retired_at is None else f"{each.name} (retired {each.retired_at:%Y-%m-%d})"
        for each in models[:SHOWN]
    ]
    more = f" and {len(models) - SHOWN:,} more" if len(models) > SHOWN else ""
    return f"{len(models):,}: {', '.join(shown)}{more}"
