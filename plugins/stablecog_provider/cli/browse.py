"""`stablecog-archive browse`."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigurationError
from .context import CliContext
from .exits import Exit
from .options import Debug, EndpointUrl, Json, layout_of

if TYPE_CHECKING:
    from ..archive.browsing.ports import BrowsePorts
    from ..model.object_keys import Layout
    from ..web.archives import OpenBrowsePorts

HOST = "127.0.0.1"
EPILOG = "The address that is printed works once, for the first browser that opens it."


def browse(
    context: typer.Context,
    source: Annotated[
        list[str],
        typer.Option("--from", metavar="S3_ADDRESS", help="Address of an archive; repeat it to show several."),
    ],
    endpoint_url: EndpointUrl = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 chooses a free one.")] = 0,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser of this machine, if it has one.")
    ] = True,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Look at archives in the browser: overview, gallery, pictures. Reads the buckets alone. Ctrl-C stops it."""
    from .settings import store_settings

    cli: CliContext = context.obj
    layouts = list(dict.fromkeys(map(layout_of, source)))
    access = store_settings(cli.environ, endpoint_url)
    with _bound(port) as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}"
        token = secrets.token_urlsafe(24)

        def opened(layout: Layout) -> AbstractAsyncContextManager[BrowsePorts]:
            from ..adapters.browsed.opened import open_browse_ports

            return open_browse_ports(access, layout, cli.environ)

        serve = _server(layouts, opened, token, listening)
        address = f"{address}/?token={token}"
        text = (
            json.dumps({"address": address})
            if as_json
            else f"{address}\nThis address works once. Ctrl-C stops the page."
        )
        cli.out.write(f"{text}\n")
        cli.out.flush()
        if open_browser:
            _show(address)
        try:
            serve()
        except KeyboardInterrupt:
            cli.err.write("The page is stopped.\n")
            return Exit.INTERRUPTED
    return Exit.DONE


def _bound(port: int) -> socket.socket:
    """A socket that listens on loopback alone."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise ConfigurationError(
            f"port {port} cannot be used: {error}", hint="choose another one with --port"
        ) from None


def _server(
    layouts: Sequence[Layout], opened: OpenBrowsePorts, token: str, listening: socket.socket
) -> Callable[[], None]:
    """Return what serves the page until Ctrl-C."""
    try:
        import uvicorn

        from ..web.alone import page_alone
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("fastapi", "jinja2", "uvicorn", "starlette", "PIL"):
            raise
        raise ConfigurationError(
            f"browse needs a package that is not installed: {error.name}",
            hint="install it with the extra: pip install 'airflow-provider-stablecog[page]'",
        ) from None
    app = page_alone(layouts, opened, token=token, port=listening.getsockname()[1])
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="on")
    return lambda: uvicorn.Server(config).run(sockets=[listening])


def _show(address: str) -> None:
    """Open a browser with a window, if there is one; a text browser would take over the terminal."""
    import os
    import sys
    import webbrowser

    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    webbrowser.open(address)
