"""The page inside Airflow: behind its login and permissions, in its navigation, and as tabs of DAGs and DAG runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_asset, requires_access_dag
from fastapi import Depends, FastAPI, Request
from starlette.responses import RedirectResponse, Response

from ..adapters.browsed.opened import open_browse_ports
from ..archive.browsing.ports import BrowsePorts
from ..errors import ConfigurationError
from ..model.object_keys import Layout
from ..web.actions import KINDS
from ..web.app import create_app
from ..web.archives import Archives, slug_of
from ..web.requests import NotHere, root_of
from .connections import store_settings
from .page_archives import layouts_of
from .page_lookup import summaries


@asynccontextmanager
async def _opened(layout: Layout) -> AsyncIterator[BrowsePorts]:
    """Open an archive with the connection that STABLECOG_PAGE_AWS_CONN_ID names, `aws_default` if there is no such variable."""
    connection = os.environ.get("STABLECOG_PAGE_AWS_CONN_ID", "aws_default")
    settings = await asyncio.to_thread(store_settings, connection or None)
    async with open_browse_ports(settings, layout, os.environ) as ports:
        yield ports


def _remember(request: Request, user: GetUserDep) -> None:
    """Keep who asks, for the question what they may trigger."""
    request.state.stablecog_reader = user


async def _allowed(request: Request) -> frozenset[str]:
    """The DAGs that the reader may trigger, by Airflow's own permissions."""
    user, manager = request.state.stablecog_reader, get_auth_manager()

    def may_trigger(dag_id: str) -> bool:
        details = DagDetails(id=dag_id)
        return bool(
            manager.is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user)
        )

    def triggered() -> frozenset[str]:
        return frozenset(filter(may_trigger, {kind.dag_id for kind in KINDS.values()}))

    return await asyncio.to_thread(triggered)


def page_app() -> FastAPI:
    """Return the application for Airflow's API server. Archives come from the environment, and are opened on demand."""
    try:
        layouts, wrong = layouts_of(os.environ), None
    except ConfigurationError as error:
        layouts, wrong = [], error
    guards = [Depends(requires_access_asset(method="GET")), Depends(_remember)]
    app = create_app(Archives(layouts, _opened), framed=True, allowed=_allowed, guards=guards, empty=str(wrong or ""))
    of_dag = [Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.XCOM))]
    app.add_api_route("/tabs/{dag_id}/", dag_tab, dependencies=of_dag)
    app.add_api_route("/tabs/{dag_id}/{run_id}/", run_tab, dependencies=of_dag)
    return app


async def dag_tab(request: Request, dag_id: str) -> Response:
    """The overview of the archive that the DAG wrote to last."""
    found = await asyncio.to_thread(summaries, dag_id)
    slug = _slug(request, found)
    if slug is None and dag_id in {kind.dag_id for kind in KINDS.values()} and len(request.app.state.archives) == 1:
        slug = slug_of(request.app.state.archives.layouts[0])
    if slug is None:
        raise NotHere("No run of this DAG has written to an archive that this page shows.")
    return RedirectResponse(f"{root_of(request)}/{slug}/?bare=1", 303)


async def run_tab(request: Request, dag_id: str, run_id: str) -> Response:
    """The report that the DAG run left."""
    found = await asyncio.to_thread(summaries, dag_id, run_id)
    slug = _slug(request, found)
    if slug is None:
        raise NotHere("This DAG run has left no report in an archive that this page shows.")
    archive = await request.app.state.archives.get(slug)
    ids = {str(each.get("run_id")) for each in found}
    async for item in archive.ports.store.list(archive.layout.runs):
        if archive.layout.is_run_report(item.key) and item.key.removesuffix(".json").rpartition("-")[2] in ids:
            return RedirectResponse(f"{root_of(request)}/{slug}/runs/{item.key.rpartition('/')[2]}?bare=1", 303)
    raise NotHere(
        "The archive has no report of this DAG run: it was removed, or the DAG writes none there (a restore)."
    )


def _slug(request: Request, found: list[dict[str, Any]]) -> str | None:
    """The first of these archives that the page shows."""
    shown = {str(layout): slug_of(layout) for layout in request.app.state.archives.layouts}
    return next((shown[each["archive"]] for each in found if each["archive"] in shown), None)
