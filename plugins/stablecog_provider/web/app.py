"""The application. It only reads; whoever mounts it decides who is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.responses import Response

from ..errors import ArchiveError, CredentialsRejected, StoreUnavailable
from .actions import Allowed, nothing
from .archives import Archives, slug_of
from .contexts import Notice, Overview
from .gallery import routes as gallery_routes
from .overview import routes as overview_routes
from .overview.verdicts import unreachable
from .rendering import page, static_files
from .requests import NotHere, frame_of, root_of
from .security import SecurityHeaders


def create_app(
    archives: Archives, *, framed: bool = False, allowed: Allowed = nothing, guards: Sequence[Any] = (), empty: str = ""
) -> FastAPI:
    """Return the page over these archives.

    - `framed`: another page of the same origin may show it in a frame (Airflow does).
    - `allowed`: which DAGs a reader may trigger; only those have buttons.
    - `empty`: why there is no archive, if there is none.
    - `guards`: FastAPI dependencies of every address, which decide who is let in.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await archives.close()

    app = FastAPI(
        title="Stablecog archive",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        dependencies=list(guards),
        middleware=[Middleware(SecurityHeaders, framed=framed)],
    )
    app.state.archives, app.state.allowed, app.state.empty = archives, allowed, empty
    app.add_api_route("/static/{name}", static)
    app.add_exception_handler(ArchiveError, _cannot_be_read)
    app.add_exception_handler(NotHere, _not_here)
    overview_routes.add_routes(app)
    gallery_routes.add_routes(app)
    return app


async def static(name: str) -> Response:
    """A script, a style or the icon. A route, not a mounted folder, so that the guards hold for it, too."""
    found = static_files().get(name)
    if found is None:
        raise NotHere("There is no such file.")
    body, kind = found
    return Response(body, media_type=kind, headers={"cache-control": "no-cache"})


async def _cannot_be_read(request: Request, error: Exception) -> Response:
    """The bucket is out of reach, refuses, or holds something that cannot be read: what it is, and what to do."""
    assert isinstance(error, ArchiveError)  # noqa: S101 (it is registered for nothing else)
    status_code = 503 if isinstance(error, StoreUnavailable) else 502 if isinstance(error, CredentialsRejected) else 400
    slug = request.path_params.get("slug", "")
    layout = next((each for each in request.app.state.archives.layouts if slug_of(each) == slug), None)
    band = unreachable(error, str(layout or "The archive"))
    base, frame = f"{root_of(request)}/{slug}", frame_of(request, band.word)
    if layout is not None:
        name = str(layout).removeprefix("s3://")
        frame = replace(frame, name=name, address=str(layout), base=base, title=f"{band.word}: {name}")
    return page("overview.html", status_code=status_code, frame=frame, overview=Overview(band=band), base=base)


async def _not_here(request: Request, error: Exception) -> Response:
    notice = Notice(title="Nothing here", text=str(error))
    return page("notice.html", status_code=404, frame=frame_of(request, "Nothing here"), notice=notice)
