"""What every address needs: the archive that it names, and what is around the content."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from .archives import Archive
from .contexts import Frame


class NotHere(Exception):
    """There is nothing at this address. Its text says what was looked for."""


async def archive_of(request: Request, slug: str) -> Archive:
    """The archive that the address names. Raises NotHere."""
    found = await request.app.state.archives.get(slug)
    if found is None:
        raise NotHere("No archive of this name is shown here.")
    return found  # type: ignore[no-any-return]


Opened = Annotated[Archive, Depends(archive_of)]


def root_of(request: Request) -> str:
    """Where the page is mounted."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def base_of(request: Request, archive: Archive) -> str:
    return f"{root_of(request)}/{archive.slug}"


def frame_of(request: Request, title: str, archive: Archive | None = None, here: str = "") -> Frame:
    """What is around the content. A tab of Airflow is `bare`: Airflow shows a heading itself."""
    root, archives = root_of(request), request.app.state.archives
    now = archive.ports.clock.now() if archive else None
    return Frame(
        title=f"{title}: {archive.name}" if archive else title,
        name=archive.name if archive else "",
        address=str(archive.layout) if archive else "",
        root=root,
        outer=str(request.scope.get("app_root_path", "")).rstrip("/"),
        base=f"{root}/{archive.slug}" if archive else "",
        here=here,
        back=f"{root}/" if archive and len(archives) > 1 else "",
        as_of=f"{now:%H:%M:%S} UTC" if now else "",
        as_of_at=f"{now:%Y-%m-%dT%H:%M:%SZ}" if now else "",
        bare=request.query_params.get("bare") == "1" or "dag_id" in request.path_params,
    )
