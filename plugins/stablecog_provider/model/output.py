"""One generation output. Both dialects of the API parse to the same value.

The fields `id`, `image_url`, `generation.id` and `generation.created_at` are required: without them, the output is
unreadable and becomes a `failed` row. All others are optional: a missing or garbled value is None in its column, and `raw`
has it as received.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from ..errors import OutputUnreadable
from .coverage import Axis
from .object_keys import is_safe_id
from .times import parse_instant

Json = dict[str, Any]

MAX_RAW = 256 * 1024
"""Characters of `raw`. An output of the source has about 1,000. If it has more than this, only its beginning is kept."""
MAX_DEPTH = 32
"""Levels of nesting kept in `raw`; the source has 4. Deeper nesting could exhaust the stack of a reader."""

# Identities and temporary addresses are never stored. Siblings have rows of their own, and which of them are listed depends
# on where a page was cut.
_NEVER_KEPT = {"user", "user_id", "username", "email", "init_image_url"}
_SIBLINGS = ("generation", "outputs")
_PROMPTS = {("generation", "prompt", "text"), ("generation", "negative_prompt", "text")}
# An address anywhere in a text. The scheme's length is limited so that every text takes linear time.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]{1,11}://)(?:[^\s/?#]*@)?([^\s?#]*)(?:[?#]\S*)?", re.IGNORECASE | re.ASCII)
_to_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Output:
    """A readable output. Instants are UTC; `raw` is canonical JSON without secrets."""

    id: str
    image_url: str
    generation_id: str
    created_at: datetime
    """When the generation was requested (`g`). The source sorts and counts by it."""
    raw: str
    output_created_at: datetime | None = None
    """When the output was completed and became visible (`o`). None in the documented dialect."""
    output_updated_at: datetime | None = None
    upscaled_image_url: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
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


@dataclass(frozen=True, slots=True)
class UnreadableOutput:
    """An output that cannot be archived, and the reason. `id` and the instants (as in `Output`) are None if unreadable."""

    id: str | None
    field: str
    reason: str
    raw: str
    created_at: datetime | None = None
    output_created_at: datetime | None = None

    @property
    def error(self) -> OutputUnreadable:
        return OutputUnreadable(self.id, self.field, self.reason)


class Dated(Protocol):
    """An output or a row: a value with an output's two instants."""

    @property
    def created_at(self) -> datetime | None: ...

    @property
    def output_created_at(self) -> datetime | None: ...


def instant_on(axis: Axis, dated: Dated) -> datetime | None:
    """Return the output's instant on the axis, or None if the source did not give it."""
    return dated.output_created_at if axis is Axis.COMPLETED else dated.created_at


def identity(output: Output | UnreadableOutput) -> str:
    """Return the output's id. If it is unreadable, return a stand-in that is the same at every reading."""
    return output.id or "unreadable-" + hashlib.sha256(output.raw.encode()).hexdigest()[:32]


class _Garbled(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field, self.reason = field, reason


def parse_output(document: object) -> Output | UnreadableOutput:
    """Read one element of `outputs`. Never raises, whatever the document."""
    raw = _raw(document)
    if not isinstance(document, dict):
        return UnreadableOutput(None, "(output)", f"expected an object, got {_kind(document)}", raw)
    output_id = document.get("id")
    safe_id = output_id if isinstance(output_id, str) and is_safe_id(output_id) else None
    requested: datetime | None = None
    try:
        generation = document.get("generation")
        if not isinstance(generation, dict):
            raise _Garbled("generation", f"expected an object, got {_kind(generation)}")
        requested = _required_instant(generation, "created_at", "generation.created_at")
        if safe_id is None:
            raise _Garbled("id", f"not an identifier: {_shown(output_id)}")
        generation_id = generation.get("id")
        if not isinstance(generation_id, str) or not is_safe_id(generation_id):
            raise _Garbled("generation.id", f"not an identifier: {_shown(generation_id)}")
        image_url = _url(document.get("image_url"))
        if image_url is None:
            raise _Garbled("image_url", f"not an http(s) URL: {_shown(document.get('image_url'))}")
    except _Garbled as garbled:
        completed = _instant(document.get("created_at"))
        return UnreadableOutput(safe_id, garbled.field, garbled.reason, raw, requested, completed)
    return _readable(document, generation, safe_id, generation_id, image_url, requested, raw)


def _readable(
    document: Json, generation: Json, output_id: str, generation_id: str, image_url: str, requested: datetime, raw: str
) -> Output:
    prompt = _object(generation.get("prompt"))
    negative = _object(generation.get("negative_prompt"))
    return Output(
        id=output_id,
        image_url=image_url,
        generation_id=generation_id,
        created_at=requested,
        raw=raw,
        output_created_at=_instant(document.get("created_at")),
        output_updated_at=_instant(document.get("updated_at")),
        upscaled_image_url=_url(document.get("upscaled_image_url")),
        started_at=_instant(generation.get("started_at")),
        completed_at=_instant(generation.get("completed_at")),
        prompt_id=_label(prompt.get("id")),
        prompt=_text(prompt.get("text")),
        negative_prompt_id=_label(negative.get("id")),
        negative_prompt=_text(negative.get("text")),
        model_id=_label(generation.get("model_id")),
        scheduler_id=_label(generation.get("scheduler_id")),
        gallery_status=_label(document.get("gallery_status")),
        width=_integer(generation.get("width"), 32),
        height=_integer(generation.get("height"), 32),
        inference_steps=_integer(generation.get("inference_steps"), 32),
        num_outputs=_integer(generation.get("num_outputs"), 32),
        seed=_integer(generation.get("seed"), 64),
        like_count=_integer(document.get("like_count"), 64),
        guidance_scale=_number(generation.get("guidance_scale")),
        prompt_strength=_number(generation.get("prompt_strength")),
        is_favorited=_boolean(document.get("is_favorited")),
        was_auto_submitted=_boolean(document.get("was_auto_submitted")),
        is_public=_boolean(document.get("is_public")),
    )


def _kind(value: object) -> str:
    return "no value" if value is None else type(value).__name__


def _shown(value: object) -> str:
    """Return a bad value as an error message may quote it: short, printable and without secrets."""
    if isinstance(value, str):
        shown = without_secrets(value[:500])
        return ascii(shown[:60] + ("..." if len(shown) > 60 else ""))
    return _kind(value)


def _required_instant(parent: Json, key: str, field: str) -> datetime:
    value = parent.get(key)
    try:
        return parse_instant(value) if isinstance(value, str) else parse_instant("")
    except ValueError as error:
        raise _Garbled(field, f"{error}: {_shown(value)}") from None


def _instant(value: object) -> datetime | None:
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    # JSON may contain lone surrogates, which UTF-8 cannot encode.
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _label(value: object) -> str | None:
    text = _text(value)
    return None if text is None else without_secrets(text)


def _integer(value: object, bits: int) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        return value
    return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _url(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > 2048 or not value.isprintable() or " " in value or "\\" in value:
        return None
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return value if good else None


def without_secrets(text: str) -> str:
    """Return the text with its addresses cut to scheme, host and path. Queries may contain signatures, user parts passwords."""
    return _ADDRESS.sub(r"\1\2", text) if "://" in text else text


def _raw(document: object) -> str:
    """Return the received document as canonical ASCII JSON without identities, siblings and secrets of addresses."""
    raw = _to_json(_cleaned(document, (), 0))
    return raw if len(raw) <= MAX_RAW else _to_json({"cut": raw[: MAX_RAW // 2]})


def _cleaned(value: object, path: tuple[object, ...], depth: int) -> object:
    """Return the value without what is never stored. `path`: the keys that lead to it; `depth` counts lists too."""
    if isinstance(value, str):
        # A prompt is stored verbatim, even if it contains an address.
        return value if "://" not in value or path in _PROMPTS else without_secrets(value)
    if isinstance(value, dict | list):
        if depth >= MAX_DEPTH:
            return "(nested too deeply)"
        if isinstance(value, list):
            return [_cleaned(item, path, depth + 1) for item in value]
        return {
            without_secrets(str(key)): _cleaned(item, inner, depth + 1)
            for key, item in value.items()
            if key not in _NEVER_KEPT and (inner := (*path, key)) != _SIBLINGS
        }
    return _representable(value)


def _representable(value: object) -> object:
    """Return a value that is neither text, object nor list in a form that JSON allows."""
    if value is None or (isinstance(value, int) and value.bit_length() < 10_000):
        return value
    # Python reads Infinity and NaN, which are not JSON, and does not write integers of more than 4,300 digits.
    if isinstance(value, int):
        return hex(value)
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
