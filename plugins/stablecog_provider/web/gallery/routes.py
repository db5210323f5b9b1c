"""The addresses of the gallery, its pictures, and their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from ...archive.browsing.filters import Filter, day_in
from ...archive.browsing.pages import neighbours_of, newer_page_of, page_of, start_of
from ...archive.browsing.picture import File, Picture
from ...archive.ports import ObjectBody
from ...errors import ConfigurationError, ObjectInArchiveClass
from ...model.checkpoint import Checkpoint
from ...model.manifest import State
from ...model.object_keys import EXTENSIONS, Rendition
from ..archives import Archive
from ..contexts import Notice
from ..rendering import page
from ..requests import NotHere, Opened, base_of, frame_of
from ..security import IMAGE_POLICY
from .pictures import picture_page
from .sections import HEIGHT, SMALL_HEIGHT
from .view import Found, gallery_of, position_of

KEPT = "private, max-age=3600"
"""For images: they are of this reader alone, and their addresses name an output whose bytes seldom change."""


def add_routes(app: FastAPI) -> None:
    """Add the addresses to the page."""
    app.add_api_route("/{slug}/gallery", gallery, response_class=HTMLResponse)
    app.add_api_route("/{slug}/pictures/{day}/{output_id}", picture, response_class=HTMLResponse)
    app.add_api_route("/{slug}/pictures/{day}/{output_id}/thumbnail", thumbnail)
    app.add_api_route("/{slug}/pictures/{day}/{output_id}/{rendition}", image)


def _parameters(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}


async def gallery(request: Request, archive: Opened) -> Response:
    """A page of the gallery; with `fragment=1` its sections alone, for the script that appends them."""
    parameters = _parameters(request)
    at, names = day_in(parameters, "at"), (await archive.names.get()).models
    wanted = Filter.parse(parameters).by_id(names)
    checkpoint, base = await archive.latest.get(), base_of(request, archive)
    frame = frame_of(request, "Gallery", archive, "gallery")
    if checkpoint is None:
        notice = Notice(title="No archive here yet", text="The first run creates it.",
                        command=f"stablecog-archive run --to {archive.layout}")  # fmt: skip
        return page("notice.html", frame=frame, notice=notice)
    found = await _asked_for(request, archive, _versions(checkpoint), wanted, at)
    shown = gallery_of(
        checkpoint,
        found,
        wanted,
        archive.ports.clock.now(),
        models=archive.ports.pictures.models(),
        names=names,
        base=base,
        layout=archive.layout,
        at=at,
        allowed=await request.app.state.allowed(request),
    )
    template = "sections.html" if request.query_params.get("fragment") == "1" else "gallery.html"
    return page(template, frame=frame, gallery=shown)


async def _asked_for(
    request: Request, archive: Archive, versions: dict[date, str], wanted: Filter, at: date | None
) -> Found:
    """The page after `before`, or before `after`; or from a day on; or the first."""
    pictures = archive.ports.pictures
    after = position_of(request.query_params.get("after", ""))
    if after is not None:
        newer = await newer_page_of(pictures, versions, wanted, after)
        return Found(newer, newer.edge(-1) or after, newer.next)
    before = position_of(request.query_params.get("before", "")) or (start_of(at) if at else None)
    older = await page_of(pictures, versions, wanted, before)
    return Found(older, older.next, before and (older.edge(0) or before))


def _versions(checkpoint: Checkpoint) -> dict[date, str]:
    return {day: each.version for day, each in checkpoint.partitions.items()}


async def _found(archive: Archive, day: str, output_id: str) -> tuple[Checkpoint, date, Picture]:
    """The picture that an address names. Raises NotHere."""
    checkpoint = await archive.latest.get()
    try:
        when = date.fromisoformat(day)
    except ValueError:
        raise NotHere("There is no such day.") from None
    if checkpoint is None or when not in checkpoint.partitions:
        raise NotHere("The archive has no pictures of this day.")
    found = await archive.ports.pictures.find(when, checkpoint.partitions[when].version, output_id)
    if found is None:
        raise NotHere("The archive has no picture of this name on this day.")
    return checkpoint, when, found


async def picture(request: Request, archive: Opened, day: str, output_id: str) -> Response:
    """The page of a picture, among those that its filter shows."""
    checkpoint, when, found = await _found(archive, day, output_id)
    names = await archive.names.get()
    wanted, base = Filter.parse(_parameters(request)).by_id(names.models), base_of(request, archive)
    pictures, version = archive.ports.pictures, checkpoint.partitions[when].version
    rows, siblings, beside = await asyncio.gather(
        pictures.rows(when, output_id),
        pictures.beside(when, version, found),
        neighbours_of(pictures, _versions(checkpoint), wanted, found),
    )
    if not rows:
        raise NotHere("The archive has no picture of this name any more.")
    query = f"?{urlencode(wanted.parameters())}" if wanted else ""
    back = urlencode([*wanted.parameters(), ("at", str(when))])
    shown = picture_page(
        found,
        rows,
        siblings,
        beside,
        base=base,
        layout=archive.layout,
        query=query,
        back=f"{base}/gallery?{back}",
        names=names,
    )
    frame = frame_of(request, shown.title, archive, "gallery")
    template = "viewer.html" if request.query_params.get("fragment") == "1" else "picture.html"
    return page(template, frame=frame, picture=shown)


async def thumbnail(request: Request, archive: Opened, day: str, output_id: str, height: int = HEIGHT) -> Response:
    """A small JPEG, in one of two heights; no content if none can be made, which is no error of the page."""
    if height not in (HEIGHT, SMALL_HEIGHT):
        raise NotHere(f"Thumbnails have a height of {HEIGHT} or {SMALL_HEIGHT}.")
    _, _, found = await _found(archive, day, output_id)
    shown = found.shown
    key = archive.layout.own_image(shown.uri) if shown else None
    if shown is None or key is None:
        raise NotHere("This picture is not stored.")
    body = await archive.ports.previews.of(shown, key, height)
    if body is None:
        return Response(status_code=204, headers=_headers("no-store"))
    return Response(body, media_type="image/jpeg", headers=_headers(KEPT))


async def image(
    request: Request, archive: Opened, day: str, output_id: str, rendition: Rendition, download: int = 0
) -> Response:
    """The stored bytes of an image that a row names, as the type that was recorded."""
    _, _, found = await _found(archive, day, output_id)
    file = found.files.get(rendition)
    key = archive.layout.own_image(file.uri) if file and file.state == State.ARCHIVED else None
    if file is None or key is None or found.is_forgotten:
        raise NotHere("This image is not stored.")
    body, chunks = await _streamed(archive, key)
    headers = {**_headers(KEPT), "content-length": str(body.size)}
    if download:
        extension = EXTENSIONS.get(file.content_type, "bin")
        headers["content-disposition"] = f'attachment; filename="{found.output_id}.{rendition}.{extension}"'
    return StreamingResponse(chunks, media_type=_type_of(file), headers=headers)


async def _streamed(archive: Archive, key: str) -> tuple[ObjectBody, AsyncIterator[bytes]]:
    """The object, which is read as fast as the browser takes it: an image may be large, and readers many."""
    async with AsyncExitStack() as opened:
        try:
            body = await opened.enter_async_context(archive.ports.store.open(key))
        except ObjectInArchiveClass as error:
            raise ConfigurationError(error.message, hint=error.hint) from None
        if body is None:
            raise NotHere(
                f"The bucket has no {key}. `stablecog-archive verify --repair` says whether it can be had again."
            )
        return body, _chunks(opened.pop_all(), body)


async def _chunks(opened: AsyncExitStack, body: ObjectBody) -> AsyncIterator[bytes]:
    async with opened:
        async for chunk in body.chunks():
            yield chunk


def _type_of(file: File) -> str:
    """The recorded type if it is one of an image: nothing else is ever sent to a browser."""
    return file.content_type if file.content_type in EXTENSIONS else "application/octet-stream"


def _headers(cache: str) -> dict[str, str]:
    return {"content-security-policy": IMAGE_POLICY, "cache-control": cache}
