"""The manifest: one row an image, its columns (a public contract: add at the end, never rename), and how rows merge.

`merge_rows` is commutative, associative and idempotent, so that any number of runs, in any order, end in the same partition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from .object_keys import Rendition
from .output import Output, UnreadableOutput

SCHEMA_VERSION = 1

STRING, INSTANT, INT32, INT64, FLOAT64, BOOL = "string", "timestamp[us, UTC]", "int32", "int64", "float64", "bool"

COLUMNS: tuple[tuple[str, str, bool], ...] = (
    # name, type, nullable
    ("output_id", STRING, False),
    ("rendition", STRING, False),
    ("generation_id", STRING, True),
    ("created_at", INSTANT, False),
    ("started_at", INSTANT, True),
    ("completed_at", INSTANT, True),
    ("output_created_at", INSTANT, True),
    ("output_updated_at", INSTANT, True),
    ("state", STRING, False),
    ("uri", STRING, True),
    ("source_url", STRING, True),
    ("sha256", STRING, True),
    ("content_type", STRING, True),
    ("error", STRING, True),
    ("bytes", INT64, True),
    ("attempts", INT32, False),
    ("archived_at", INSTANT, True),
    ("first_seen_at", INSTANT, False),
    ("last_seen_at", INSTANT, False),
    ("verified_at", INSTANT, True),
    ("deleted_at", INSTANT, True),
    ("prompt_id", STRING, True),
    ("prompt", STRING, True),
    ("negative_prompt_id", STRING, True),
    ("negative_prompt", STRING, True),
    ("model_id", STRING, True),
    ("scheduler_id", STRING, True),
    ("gallery_status", STRING, True),
    ("width", INT32, True),
    ("height", INT32, True),
    ("inference_steps", INT32, True),
    ("num_outputs", INT32, True),
    ("seed", INT64, True),
    ("like_count", INT64, True),
    ("guidance_scale", FLOAT64, True),
    ("prompt_strength", FLOAT64, True),
    ("is_favorited", BOOL, True),
    ("was_auto_submitted", BOOL, True),
    ("is_public", BOOL, True),
    ("run_id", STRING, False),
    ("raw", STRING, False),
    ("attempted_at", INSTANT, True),
)


class State(StrEnum):
    """What became of an image."""

    ARCHIVED = "archived"
    GONE = "gone"
    FAILED = "failed"


_RANK = {State.FAILED: 0, State.GONE: 1, State.ARCHIVED: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One image. Field order and names are those of `COLUMNS`."""

    output_id: str
    rendition: str
    generation_id: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output_created_at: datetime | None = None
    output_updated_at: datetime | None = None
    state: str
    uri: str | None = None
    source_url: str | None = None
    sha256: str | None = None
    content_type: str | None = None
    error: str | None = None
    bytes: int | None = None
    attempts: int = 0
    archived_at: datetime | None = None
    first_seen_at: datetime
    last_seen_at: datetime
    """The last time that seeing it changed something in its row: a row is not rewritten to say that nothing is new."""
    verified_at: datetime | None = None
    deleted_at: datetime | None = None
    prompt_id: str | None = None
    prompt: str | None = None
    negative_prompt_id: str | None = None
    negative_prompt: str | None = None
    model_id: str | None = None
    scheduler_id: str | None = None
    gallery_status: str | None = None
    width: int | None = None
    height: int | None = None
    inference_steps: int | None = None
    num_outputs: int | None = None
    seed: int | None = None
    like_count: int | None = None
    guidance_scale: float | None = None
    prompt_strength: float | None = None
    is_favorited: bool | None = None
    was_auto_submitted: bool | None = None
    is_public: bool | None = None
    run_id: str
    raw: str
    attempted_at: datetime | None = None

    @property
    def key(self) -> RowKey:
        return (self.output_id, self.rendition)


RowKey = tuple[str, str]
"""(`output_id`, `rendition`)"""

_FIXITY = ("state", "uri", "sha256", "content_type", "error", "bytes", "archived_at")
_SOURCE = (
    "generation_id", "created_at", "started_at", "completed_at", "output_created_at", "output_updated_at", "source_url",
    "prompt_id", "prompt", "negative_prompt_id", "negative_prompt", "model_id", "scheduler_id", "gallery_status", "width",
    "height", "inference_steps", "num_outputs", "seed", "like_count", "guidance_scale", "prompt_strength", "is_favorited",
    "was_auto_submitted", "is_public", "raw",
)  # fmt: skip


def merge_rows(one: Row, other: Row) -> Row:
    """What two rows of the same key know together: metadata as last seen, the best fixity, the widest times."""
    if one.key != other.key:
        raise ValueError(f"rows of two images: {one.key}, {other.key}")
    seen = max(one, other, key=_seen_order)
    fixity = max(one, other, key=_fixity_order)
    last_seen = max(one.last_seen_at, other.last_seen_at)
    deleted = _latest(one.deleted_at, other.deleted_at)
    return replace(
        seen,
        **{name: getattr(fixity, name) for name in _FIXITY},
        attempts=max(one.attempts, other.attempts),
        attempted_at=_latest(one.attempted_at, other.attempted_at),
        first_seen_at=min(one.first_seen_at, other.first_seen_at),
        last_seen_at=last_seen,
        verified_at=_latest(one.verified_at, other.verified_at),
        # A tombstone is lifted by seeing the output again later.
        deleted_at=deleted if deleted and deleted >= last_seen else None,
    )


def describes(row: Row, output: Output) -> bool:
    """Whether the row says already all that the output says (so that nothing need be written)."""
    fresh = _metadata(output, Rendition(row.rendition))
    return row.deleted_at is None and all(getattr(row, name) == value for name, value in fresh.items())


def row_of(output: Output, rendition: Rendition, *, state: State, seen_at: datetime, run_id: str) -> Row:
    """A row for one image of an output, its fixity still to be filled in."""
    return Row(
        output_id=output.id,
        rendition=rendition,
        state=state,
        first_seen_at=seen_at,
        last_seen_at=seen_at,
        run_id=run_id,
        **_metadata(output, rendition),
    )


def row_of_unreadable(
    output: UnreadableOutput, created_at: datetime, fallback_id: str, seen_at: datetime, run_id: str
) -> Row:
    """A `failed` row that names the output and the field. `created_at` stands in where the output's own cannot be read."""
    return Row(
        output_id=output.id or fallback_id,
        rendition=Rendition.ORIGINAL,
        created_at=output.created_at or created_at,
        state=State.FAILED,
        error=str(output.error),
        attempts=1,
        attempted_at=seen_at,
        first_seen_at=seen_at,
        last_seen_at=seen_at,
        run_id=run_id,
        raw=output.raw,
    )


def is_live(row: Row) -> bool:
    """Whether the row stands for an output that the source still counts."""
    return row.rendition == Rendition.ORIGINAL and row.deleted_at is None


def retry_due(row: Row) -> datetime | None:
    """When a failed image is worth another attempt: after 1, 2, 4 ... hours, at most a week. None where it is not failed,
    or where there is nothing to fetch.
    """
    if row.state != State.FAILED or row.source_url is None or row.attempted_at is None or row.deleted_at is not None:
        return None
    hours: int = 2 ** min(max(row.attempts - 1, 0), 10)
    return row.attempted_at + min(timedelta(hours=hours), timedelta(days=7))


def _metadata(output: Output, rendition: Rendition) -> dict[str, Any]:
    """What the source says of an image, by column."""
    url = output.image_url if rendition is Rendition.ORIGINAL else output.upscaled_image_url
    # Sizes and prompts are the generation's; a query in the address would be a signature.
    return {
        name: url.split("?", 1)[0] if name == "source_url" and url else getattr(output, name, None) for name in _SOURCE
    }


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((instant for instant in (one, other) if instant is not None), default=None)


def _sortable(row: Row, names: tuple[str, ...]) -> tuple[tuple[bool, str], ...]:
    """A total order over any columns, so that ties are broken the same way everywhere."""
    return tuple((value is not None, str(value)) for value in (getattr(row, name) for name in names))


def _seen_order(row: Row) -> tuple[object, ...]:
    return (row.last_seen_at, _sortable(row, (*_SOURCE, "run_id")))


def _fixity_order(row: Row) -> tuple[object, ...]:
    latest = row.archived_at or row.attempted_at
    return (_RANK[State(row.state)], latest is not None, str(latest), _sortable(row, _FIXITY))
