"""The plugin that shows the page in Airflow. An installed distribution registers it by its entry point `airflow.plugins`.

Every Airflow process loads its plugins, each task's too. So the page, and FastAPI with it, is imported with its first request.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/stablecog"
VIEWS = [
    {"name": "Stablecog", "href": f"{PREFIX}/", "destination": "nav", "url_route": "stablecog", "category": "browse"},
    {
        "name": "Archive",
        "href": f"{PREFIX}/tabs/{{DAG_ID}}/",
        "destination": "dag",
        "url_route": "stablecog_archive",
    },
    {
        "name": "Archive report",
        "href": f"{PREFIX}/tabs/{{DAG_ID}}/{{RUN_ID}}/",
        "destination": "dag_run",
        "url_route": "stablecog_report",
    },
]
"""Where Airflow shows the page (`external_views`, see its guide to plugins). Airflow fills in the braces."""
MISSING = (
    "The page needs a package that is not installed here: {}. Install the extra: airflow-provider-stablecog[page]\n"
)


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
        return PlainTextResponse(MISSING.format("Pillow"), 503)
    return page_app()


class StablecogPlugin(AirflowPlugin):
    """Adds the page: in the navigation, on DAGs, and on DAG runs."""

    name = "stablecog"
    fastapi_apps = [{"app": LazyPage(), "url_prefix": PREFIX, "name": "Stablecog archive"}]  # noqa: RUF012
    external_views = VIEWS
