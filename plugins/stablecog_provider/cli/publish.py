"""`stablecog-archive publish`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..archive.publish import PublishSettings
from ..archive.publish import publish as publish_manifest
from ..errors import ConfigurationError
from .context import CliContext
from .options import Debug, EndpointUrl, Json, Quiet, To


def publish(
    context: typer.Context,
    to: To,
    catalog: Annotated[
        str, typer.Option("--catalog", metavar="NAME", help="A catalogue in pyiceberg's configuration.")
    ],
    table: Annotated[
        str, typer.Option("--table", metavar="NAME", help="Namespace and name of the table, such as db.outputs.")
    ],
    endpoint_url: EndpointUrl = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Publish the manifest to an Iceberg table: the days that it lacks or has in another version.

    Needs the extra `iceberg`, and no API key. Only reads the archive (docs/iceberg.md).
    """
    from .rendering import show_publish
    from .reporting import execute, print_report
    from .settings import store_settings

    cli: CliContext = context.obj
    try:
        settings = PublishSettings(layout=to, catalog=catalog, table=table)
    except ConfigurationError as error:
        raise typer.BadParameter(f"{error.message}; {error.hint}") from None
    store_access = store_settings(cli.environ, endpoint_url)
    report = execute(
        cli,
        lambda: cli.open_publishing(store_access, to, catalog, table),
        lambda ports, on_progress: publish_manifest(ports, settings, on_progress),
        quiet=quiet or as_json,
    )
    return print_report(cli, report, show_publish, as_json=as_json, quiet=quiet)
