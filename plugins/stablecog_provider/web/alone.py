"""The page on its own: read-only, on loopback, for whoever has the token."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp

from ..model.object_keys import Layout
from .app import create_app
from .archives import Archives, OpenBrowsePorts
from .security import Gate


def page_alone(layouts: Iterable[Layout], opened: OpenBrowsePorts, *, token: str, port: int) -> ASGIApp:
    """Return the page behind its gate. `port`: the one it is served on, for the check of `Host`."""
    hosts = [f"{name}:{port}" for name in ("127.0.0.1", "localhost")]
    return Gate(create_app(Archives(layouts, opened)), token=token, hosts=hosts)
