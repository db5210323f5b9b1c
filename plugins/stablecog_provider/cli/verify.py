"""`stablecog-archive verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..archive.verify import VerifySettings
from ..archive.verify import verify as verify_archive
from ..errors import ConfigurationError
from .context import CliContext
from .options import Debug, EndpointUrl, ImageHost, Json, Quiet, To

_MIN_CONCURRENCY, _MAX_CONCURRENCY = VerifySettings.BOUNDS["concurrency"]


def verify(
    context: typer.Context,
    to: To,
    endpoint_url: EndpointUrl = None,
    image_host: ImageHost = None,
    level: Annotated[
        str,
        typer.Option(
            "--level",
            metavar="LEVEL",
            help="listing: presence and size, about one request per 1,000 images. checksum: the SHA-256 that the store keeps, "
            "without a download. content: every byte.",
        ),
    ] = VerifySettings.level,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="AMOUNT",
            help="Check only so much, least recently verified first: bytes (50GB), a time (2h) or images (10000).",
        ),
    ] = VerifySettings.budget,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Put back what is damaged: from an earlier version of the object, else from the source."
        ),
    ] = VerifySettings.repair,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            min=_MIN_CONCURRENCY,
            max=_MAX_CONCURRENCY,
            help="Upper limit on parallel requests; the actual number adapts to the store.",
        ),
    ] = VerifySettings.concurrency,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Compare the stored images with the manifest: read every byte, or less. Deletes nothing. Needs no API key.

    Image hosts are asked only with --repair. Exit codes: 0 intact or repaired; 3 something is damaged or could not be read; 2
    wrong settings; 1 any other error.
    """
    from .rendering import show_verify
    from .reporting import execute, print_report
    from .settings import store_settings

    cli: CliContext = context.obj
    try:
        settings = VerifySettings(layout=to, level=level, budget=budget, repair=repair, concurrency=concurrency)
    except ConfigurationError as error:
        raise typer.BadParameter(f"--{error.message}; {error.hint}") from None
    store_access = store_settings(cli.environ, endpoint_url)
    report = execute(
        cli,
        lambda: cli.open_bucket(store_access, to, tuple(image_host or ())),
        lambda ports, on_progress: verify_archive(ports, settings, on_progress),
        quiet=quiet or as_json,
    )
    return print_report(cli, report, show_verify, as_json=as_json, quiet=quiet)
