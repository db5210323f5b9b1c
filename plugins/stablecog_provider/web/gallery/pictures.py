"""One picture in words: metadata, files, history."""

from __future__ import annotations

from collections.abc import Sequence

from ...archive.browsing.filters import quoted
from ...archive.browsing.history import history_of
from ...archive.browsing.pages import Neighbours
from ...archive.browsing.picture import Picture
from ...model.manifest import Row, State
from ...model.names import ArchiveNames
from ...model.object_keys import Layout, Rendition
from ..words import moment, number, size, without_hint
from .contexts import FileLine, PastEvent, PicturePage
from .sections import address_of, alt_of, shape_of, tile_of
from .view import shell_word

TYPES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WebP", "image/gif": "GIF", "image/avif": "AVIF"}


def picture_page(
    picture: Picture,
    rows: Sequence[Row],
    siblings: Sequence[Picture],
    beside: Neighbours,
    *,
    base: str,
    layout: Layout,
    query: str,
    back: str,
    names: ArchiveNames,
) -> PicturePage:
    """Put a picture in words. `rows`: its whole rows. `query`: the filter that it was opened with, with its `?`."""
    row, address, shown = rows[0], address_of(picture, base), picture.shown
    forgotten = picture.is_forgotten
    width, height = shape_of(picture)
    rendition = next((name for name, file in picture.files.items() if file is shown), None)
    return PicturePage(
        title=f"{moment(picture.created_at)} UTC",
        output_id=picture.output_id,
        place=f"{number(beside.number)} of {number(beside.total)} that day" if beside.total else "",
        back=back,
        previous=address_of(beside.newer, base) + query if beside.newer else "",
        next=address_of(beside.older, base) + query if beside.older else "",
        image=f"{address}/{rendition}" if shown else "",
        width=width,
        height=height,
        alt=alt_of(picture),
        absent_title="" if shown else tile_of(picture, base).absent_title,
        why="" if shown else _why(picture),
        siblings=[tile_of(each, base, query) for each in siblings] if len(siblings) > 1 else [],
        prompt="" if forgotten else row.prompt or "",
        negative_prompt="" if forgotten else row.negative_prompt or "",
        download=f"{address}/{rendition}?download=1" if shown else "",
        facts=_dates(row) if forgotten else _facts(row, names),
        files=[] if forgotten else [_file(each, address) for each in rows],
        past=[]
        if forgotten
        else [PastEvent(moment(e.at), e.what, without_hint(e.detail), e.kind) for e in history_of(rows)],
        ids=_ids(row, layout, is_forgotten=forgotten),
        command=_restore(layout, picture.output_id),
    )


def _restore(layout: Layout, output_id: str) -> str:
    condition = f"output_id = {quoted(output_id)}"
    return f"stablecog-archive restore --from {layout} --to-folder restored --where {shell_word(condition)}"


def _why(picture: Picture) -> str:
    if picture.is_forgotten:
        return "It was taken out on request. Nothing of it is kept but its id and its dates."
    reason = next(iter(picture.files.values())).error
    retried = "Runs try again by themselves."
    return f"{without_hint(reason)}. {retried}" if reason else retried


def _facts(row: Row, names: ArchiveNames) -> list[tuple[str, str]]:
    flags = (
        ("Favourite", row.is_favorited),
        ("Public", row.is_public),
        ("Submitted by itself", row.was_auto_submitted),
    )
    found = [
        ("Model", names.models.name(row.model_id) if row.model_id else ""),
        ("Scheduler", names.schedulers.name(row.scheduler_id) if row.scheduler_id else ""),
        ("Size", f"{row.width} \N{MULTIPLICATION SIGN} {row.height}" if row.width and row.height else ""),
        ("Seed", str(row.seed) if row.seed is not None else ""),
        (
            "Steps, guidance",
            ", ".join(str(each) for each in (row.inference_steps, row.guidance_scale) if each is not None),
        ),
        ("Prompt strength", str(row.prompt_strength) if row.prompt_strength is not None else ""),
        ("Gallery", (row.gallery_status or "").replace("_", " ")),
        *((name, "yes" if value else "no") for name, value in flags if value is not None),
        ("Likes", number(row.like_count) if row.like_count is not None else ""),
    ]
    return [(name, value) for name, value in found if value]


def _dates(row: Row) -> list[tuple[str, str]]:
    """What is still known of a forgotten picture."""
    found = [
        ("Requested", row.created_at),
        ("First seen", row.first_seen_at),
        ("Deleted at the source", row.deleted_at),
    ]
    return [(name, f"{moment(at)} UTC") for name, at in found if at is not None]


def _pixels(row: Row) -> str:
    return f"{row.width} \N{MULTIPLICATION SIGN} {row.height}" if row.width and row.height else ""


def _file(row: Row, address: str) -> FileLine:
    stored = row.state == State.ARCHIVED and row.uri
    what = TYPES.get(row.content_type or "", row.content_type or "") if stored else str(row.state)
    if stored and row.rendition == Rendition.ORIGINAL and _pixels(row):
        # They are the generation's, so they say nothing of the upscaled image.
        what += f", {_pixels(row)}"
    return FileLine(
        title=row.rendition.capitalize(),
        what=what,
        size=size(row.bytes) if stored and row.bytes else "",
        link=f"{address}/{row.rendition}?download=1" if stored else "",
    )


def _ids(row: Row, layout: Layout, *, is_forgotten: bool) -> list[tuple[str, str]]:
    found = [("Output", row.output_id)]
    if is_forgotten:
        return found
    if row.generation_id:
        found.append(("Generation", row.generation_id))
    if row.model_id:
        found.append(("Model", row.model_id))
    if row.scheduler_id:
        found.append(("Scheduler", row.scheduler_id))
    if row.uri and (key := layout.own_image(row.uri)):
        found.append(("Object", layout.uri(key)))
    if row.sha256:
        found.append(("SHA-256", row.sha256))
    return found
