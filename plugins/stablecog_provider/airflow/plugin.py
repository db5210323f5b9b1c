"""The plugin that shows the page in Airflow. An installed distribution registers it by its entry point `airflow.plugins`.

Every Airflow process loads its plugins, each task's too. So the page, and FastAPI with it, is imported with its first request.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

PREFIX = "/stablecog"
MISSING = "The page needs Pillow, which is not installed here. Install the extra: airflow-provider-stablecog[page]\n"


def root_of(base_url: str) -> str:
    """Return the page's path for a browser. `base_url`: Airflow's `[api] base_url`, which may have a path of its own."""
    return urlsplit(base_url).path.rstrip("/") + PREFIX


def views_of(base_url: str) -> list[dict[str, str]]:
    """Return where Airflow shows the page (`external_views`, see its guide to plugins). Airflow fills in the braces.

    `base_url`: Airflow's `[api] base_url`. Its path is a part of each address, because Airflow shows an address as it is.
    """
    here = root_of(base_url)
    tab, report = f"{here}/tabs/{{DAG_ID}}/", f"{here}/tabs/{{DAG_ID}}/{{RUN_ID}}/"
    return [
        {"name": "Stablecog", "href": f"{here}/", "destination": "nav", "url_route": "stablecog", "category": "browse"},
        {"name": "Archive", "href": tab, "destination": "dag", "url_route": "stablecog_archive"},
        {"name": "Archive report", "href": report, "destination": "dag_run", "url_route": "stablecog_report"},
    ]


class LazyPage:
    """An ASGI application that builds the page when it is first requested."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            self._app = _page()
        await self._app(scope, receive, send)


def _page() -> Any:
    """The page, or a sentence on what it lacks."""
    try:
        from .page import page_app
    except ImportError as error:
        from starlette.responses import PlainTextResponse

        if (error.name or "").partition(".")[0] != "PIL":
            raise
        return PlainTextResponse(MISSING, 503)
    return page_app()


class StablecogPlugin(AirflowPlugin):
    """Adds the page: in the navigation, on DAGs, and on DAG runs."""

    name = "stablecog"
    fastapi_apps = [{"app": LazyPage(), "url_prefix": PREFIX, "name": "Stablecog archive"}]  # noqa: RUF012
    external_views = views_of(conf.get("api", "base_url", fallback=""))
