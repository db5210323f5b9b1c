"""The addresses of the overview, of all archives, and of the reports."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ...archive.last_runs import last_runs
from ...archive.status import inspect
from ...errors import ArchiveError
from ...model.object_keys import Layout
from ..archives import Archive, Archives, slug_of
from ..contexts import ArchiveLine, Frame, Notice, Overview
from ..rendering import page
from ..requests import NotHere, Opened, base_of, frame_of, root_of
from .reports import report_page
from .summary import archive_line, broken_line, overview_of, run_lines
from .verdicts import first_run, unreachable


def add_routes(app: FastAPI) -> None:
    """Add the addresses to the page."""
    app.add_api_route("/", first_page, response_class=HTMLResponse)
    app.add_api_route("/{slug}/", overview, response_class=HTMLResponse)
    app.add_api_route("/{slug}/runs/{name}", report, response_class=HTMLResponse)


async def first_page(request: Request) -> Response:
    """All archives, worst first; if there is one, its overview."""
    archives: Archives = request.app.state.archives
    root = root_of(request)
    if not archives.layouts:
        why = request.app.state.empty or "No archive is named: set STABLECOG_ARCHIVE_BUCKET for the API server, too."
        return page("notice.html", frame=frame_of(request, "Archives"), notice=Notice(title="No archive", text=why))
    if len(archives) == 1:
        return RedirectResponse(f"{root}/{slug_of(archives.layouts[0])}/", 303)
    lines = await asyncio.gather(
        *(_line(archives, layout, f"{root}/{slug_of(layout)}/") for layout in archives.layouts)
    )
    ordered = [line for _, line in sorted(lines, key=lambda pair: pair[0])]
    return page("archives.html", frame=frame_of(request, "Archives"), archives=ordered)


async def _line(archives: Archives, layout: Layout, link: str) -> tuple[int, ArchiveLine]:
    """A line with its rank: what cannot be read is the worst."""
    tones, name = ("bad", "warn", "none", "ok"), str(layout).removeprefix("s3://")
    try:
        archive = await archives.get(slug_of(layout))
        assert archive is not None  # noqa: S101 (its layout is from the same list)
        now = archive.ports.clock.now()
        _, status = await inspect(archive.ports.store, archive.layout, now)
        line = archive_line(status, now, archive.layout, name=name, link=link)
        return 1 + tones.index(line.tone), line
    except ArchiveError as error:
        return 0, broken_line(unreachable(error, f"s3://{name}"), name=name, link=link)


async def overview(request: Request, archive: Opened) -> Response:
    now = archive.ports.clock.now()
    frame = frame_of(request, "Overview", archive, "overview")
    if await archive.ports.store.head(archive.layout.checkpoint) is None:
        return await _before_the_first_checkpoint(archive, frame)
    checkpoint, status = await inspect(archive.ports.store, archive.layout, now)
    allowed = await request.app.state.allowed(request)
    base, layout = base_of(request, archive), archive.layout
    shown = overview_of(checkpoint, status, now, base=base, layout=layout, allowed=allowed)
    return page("overview.html", frame=frame, overview=shown, base=base_of(request, archive))


async def _before_the_first_checkpoint(archive: Archive, frame: Frame) -> Response:
    """Nothing was committed: there is no archive, or its first run has just begun."""
    runs = await last_runs(archive.ports.store, archive.layout)
    if runs and runs[0].outcome == "running":
        shown = Overview(band=first_run(runs[0].started_at, 0, None), runs=run_lines(runs, frame.base))
        return page("overview.html", frame=frame, overview=shown, base=frame.base)
    notice = Notice(
        title="No archive here yet",
        text=f"{archive.layout} has no checkpoint. The first run creates the archive.",
        command=f"stablecog-archive run --to {archive.layout}",
    )
    return page("notice.html", frame=frame, notice=notice)


async def report(request: Request, archive: Opened, name: str) -> Response:
    """The page of a report, or with `raw=1` the document itself."""
    key = archive.layout.key(f"runs/{name}")
    stored = await archive.ports.store.get(key) if archive.layout.is_run_report(key) else None
    shown = report_page(stored.body, f"{request.url.path}?raw=1") if stored else None
    if stored is None or shown is None:
        raise NotHere("There is no report of this name.")
    if request.query_params.get("raw") == "1":
        return Response(stored.body, media_type="application/json")
    return page("report.html", frame=frame_of(request, "Report", archive), report=shown)
