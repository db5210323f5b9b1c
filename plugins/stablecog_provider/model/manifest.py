"""The manifest: one row per image, and its columns (a public contract: add at the end, never rename)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

from .object_keys import Rendition
from .output import Output, UnreadableOutput, without_secrets

SCHEMA_VERSION = 3

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
    ("attempted_url", STRING, True),
    ("archived_url", STRING, True),
    ("missing_at", INSTANT, True),
    ("found_at", INSTANT, True),
    ("earlier_images", STRING, True),
    ("gone_since", INSTANT, True),
)


class State(StrEnum):
    """What became of an image; `row_lifecycle` defines how each state is reached."""

    ARCHIVED = "archived"
    GONE = "gone"
    FAILED = "failed"
    LOST = "lost"
    FORGOTTEN = "forgotten"


MAX_ERROR = 1000
"""Characters of `error`."""


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
    """The last time that seeing it changed something in its row: a row is not rewritten to say that nothing is new. A
    tombstone (`deleted_at`) counts only while it is not older."""
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
    """When the image was last tried."""
    attempted_url: str | None = None
    archived_url: str | None = None
    """The address that the stored image came from. `source_url` is the image's current address at the source."""
    missing_at: datetime | None = None
    """When a check last found the object missing or of another size."""
    found_at: datetime | None = None
    """When a check found the object again after it was missing."""
    earlier_images: str | None = None
    """JSON: the stored images that the source has replaced since, newest first."""
    gone_since: datetime | None = None
    """When the host first answered that it has no such image, if every attempt since was answered so."""

    def __post_init__(self) -> None:
        # A row can always be written, and is read back as it was: no text that UTF-8 cannot hold, no NaN (it is not
        # equal to itself), which only `error` and callers other than the parser could bring.
        if self.error is not None:
            shortened = self.error[:MAX_ERROR].encode("utf-8", "replace").decode()
            object.__setattr__(self, "error", shortened)
        for number in (self.guidance_scale, self.prompt_strength):
            if number is not None and not isfinite(number):
                raise ValueError(f"a row holds no {number}")

    @property
    def key(self) -> RowKey:
        return (self.output_id, self.rendition)


RowKey = tuple[str, str]
"""(`output_id`, `rendition`)"""

SOURCE_COLUMNS = (
    "generation_id", "created_at", "started_at", "completed_at", "output_created_at", "output_updated_at", "source_url",
    "prompt_id", "prompt", "negative_prompt_id", "negative_prompt", "model_id", "scheduler_id", "gallery_status", "width",
    "height", "inference_steps", "num_outputs", "seed", "like_count", "guidance_scale", "prompt_strength", "is_favorited",
    "was_auto_submitted", "is_public", "raw",
)  # fmt: skip
"""What the source reported about an output when it was last seen."""
_OF_OUTPUT = tuple(name for name in SOURCE_COLUMNS if name != "source_url")
_source, _of_output = (attrgetter(*names) for names in (SOURCE_COLUMNS, _OF_OUTPUT))


def describes(row: Row, output: Output | UnreadableOutput) -> bool:
    """Whether the row says already all that the output says (so that nothing need be written). Of an output that has become
    unreadable, what was read before says more.
    """
    if row.deleted_at is not None:
        return False
    if row.state == State.FORGOTTEN:
        return True
    if isinstance(output, UnreadableOutput):
        return row.generation_id is not None or row.raw == output.raw
    # `raw` is nearly all the others, so a change shows in it at once.
    if row.raw != output.raw:
        return False
    return _metadata(output, Rendition(row.rendition)) == dict(zip(SOURCE_COLUMNS, _source(row), strict=True))


def row_of(output: Output, rendition: Rendition, *, seen_at: datetime, run_id: str) -> Row:
    """A row for one image of an output, not fetched yet."""
    return Row(
        output_id=output.id,
        rendition=rendition,
        state=State.FAILED,
        first_seen_at=seen_at,
        last_seen_at=seen_at,
        run_id=run_id,
        **_metadata(output, rendition),
    )


def row_of_unreadable(
    output: UnreadableOutput, created_at: datetime, fallback_id: str, seen_at: datetime, run_id: str
) -> Row:
    """A `failed` row that names the output and the field. `created_at` replaces the output's own if that cannot be read."""
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


def _metadata(output: Output, rendition: Rendition) -> dict[str, Any]:
    """Return what the source reports about an image, by column: sizes and prompts are the generation's."""
    url = output.image_url if rendition is Rendition.ORIGINAL else output.upscaled_image_url
    columns = dict(zip(_OF_OUTPUT, _of_output(output), strict=True))
    columns["source_url"] = stored_address(url) if url else None
    return columns


def stored_address(url: str) -> str:
    """The address without its query, which may contain a signature. A `?` at the end says that there was one, so that the
    listing has to be read again before the image can be requested.
    """
    stored = without_secrets(url)
    return f"{stored}?" if urlsplit(url).query else stored
