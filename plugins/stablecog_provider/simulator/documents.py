"""Outputs and pages as JSON documents, in either dialect. Instants are RFC 3339 as Go, the service's language, prints them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ..model.object_keys import Rendition
from .dialect import Dialect, Fields
from .listing import Listed
from .outputs import Prompt, SimulatedGeneration, SimulatedOutput

Document = dict[str, Any]


def format_go(instant: datetime, nanoseconds: int = 0) -> str:
    """Return RFC 3339 in UTC, with a fraction of 0 to 9 digits without trailing zeros.

    `nanoseconds` (0 to 999) are added below the microsecond.
    """
    whole = instant.astimezone(UTC)
    fraction = f"{whole.microsecond:06}{nanoseconds:03}".rstrip("0")
    return whole.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"


def page_document(listed: Listed[SimulatedOutput], now: datetime, dialect: Dialect, address: str) -> Document:
    """Return the body of a page. Image URLs start with `address` (scheme, host and port)."""
    document: Document = {}
    if listed.total is not None:
        document["total_count" if dialect.fields is Fields.DOCUMENTED else "total"] = listed.total
    document["outputs"] = [output_document(row, now, dialect, address, listed.rows) for row in listed.rows]
    if listed.next is not None:
        document["next"] = format_go(listed.next) if isinstance(listed.next, datetime) else listed.next
    return document


def output_document(
    output: SimulatedOutput, now: datetime, dialect: Dialect, address: str, page: Sequence[SimulatedOutput] = ()
) -> Document:
    """Return one element of `outputs`. In the documented dialect its generation lists its outputs that are on the page."""
    document = _output_document(output, now, address)
    generation = _generation(output.generation)
    if dialect.fields is Fields.DOCUMENTED:
        siblings = [other for other in page or (output,) if other.generation is output.generation]
        generation |= {
            "status": "succeeded",
            "updated_at": format_go(output.generation.completed),
            "is_favorited": output.is_favourite(now),
            "outputs": [_output_document(sibling, now, address) for sibling in siblings],
            "was_auto_submitted": False,
        }
    else:
        document |= _current(output, now, address)
        generation |= _optional(output.generation, now, address)
    if dialect.output_times:
        document |= {"created_at": format_go(output.o), "updated_at": format_go(output.updated_at(now))}
    return document | {"generation": generation}


def _output_document(output: SimulatedOutput, now: datetime, address: str) -> Document:
    return {
        "id": output.id,
        "image_url": _image_url(output, Rendition.ORIGINAL, address),
        "gallery_status": output.gallery_status(now),
        "is_favorited": output.is_favourite(now),
        "was_auto_submitted": False,
    }


def _current(output: SimulatedOutput, now: datetime, address: str) -> Document:
    public = output.gallery_status(now) == "approved"
    document: Document = {
        "is_public": public,
        "like_count": output.generation.seed % 7 if public else 0,
        "is_liked": False,
    }
    if output.is_upscaled(now):
        document["upscaled_image_url"] = _image_url(output, Rendition.UPSCALED, address)
    return document


def _generation(generation: SimulatedGeneration) -> Document:
    return {
        "id": generation.id,
        "height": generation.height,
        "width": generation.width,
        "inference_steps": generation.inference_steps,
        "seed": generation.seed,
        "guidance_scale": generation.guidance_scale,
        "scheduler_id": generation.scheduler_id,
        "model_id": generation.model_id,
        "created_at": format_go(generation.requested),
        # Go prints nanoseconds if it has them, so a reader must accept nine digits.
        "started_at": format_go(generation.started, generation.seed % 1000),
        "completed_at": format_go(generation.completed),
        "prompt": _prompt(generation.prompt),
    }


def _optional(generation: SimulatedGeneration, now: datetime, address: str) -> Document:
    document: Document = {"num_outputs": generation.num_outputs}
    if generation.negative_prompt:
        document["negative_prompt"] = _prompt(generation.negative_prompt)
    if generation.init_image:
        document["init_image_url"] = _presigned(f"{address}/init-images/{generation.init_image}.jpeg", now)
        document["prompt_strength"] = generation.prompt_strength
    if generation.user:
        document["user"] = dict(zip(("username", "identifier"), generation.user, strict=True))
    return document


def _prompt(prompt: Prompt) -> Document:
    return {"id": prompt.id, "text": prompt.text}


def _image_url(output: SimulatedOutput, rendition: Rendition, address: str) -> str:
    return f"{address}/images/{output.file_name(rendition)}"


def _presigned(url: str, now: datetime) -> str:
    """Return the URL with a new signature for an hour, so the same output differs with every request."""
    date = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    signature = sha256(f"{url} {date}".encode()).hexdigest()
    return f"{url}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={date}&X-Amz-Expires=3600&X-Amz-Signature={signature}"
