"""`stablecog-archive forget`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..archive.forget import ForgetSettings
from ..archive.forget import forget as forget_outputs
from ..errors import ConfigurationError
from .context import CliContext
from .options import Debug, EndpointUrl, Json, Quiet, To, span_of


def forget(
    context: typer.Context,
    to: To,
    endpoint_url: EndpointUrl = None,
    id: Annotated[  # noqa: A002 - the name of the option
        list[str] | None, typer.Option("--id", metavar="ID", help="Forget this output. Repeatable.")
    ] = ForgetSettings.id,  # type: ignore[assignment]
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="SQL",
            help="Forget outputs for which this is true: a DuckDB expression over the columns that `restore --help` lists.",
        ),
    ] = ForgetSettings.where,
    deleted_at_source: Annotated[
        bool,
        typer.Option("--deleted-at-source", help="Forget outputs that the source has deleted; needs --older-than."),
    ] = ForgetSettings.deleted_at_source,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="DURATION", help="Only those that were deleted so long ago: 90d, 12w, or 0."
        ),
    ] = None,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", metavar="TEXT", help="Kept with the record. Name no person and quote no prompt in it."
        ),
    ] = ForgetSettings.reason,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. Without this, list what would be removed, and change nothing.")
    ] = ForgetSettings.yes,
    yes_really: Annotated[
        int | None,
        typer.Option(
            "--yes-really", metavar="N", min=0, help="Do it, even if N outputs are more than 10 % of the archive."
        ),
    ] = ForgetSettings.yes_really,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Delete outputs for good: images, prompts and all that the bucket says about them.

    Needs no API key, but a policy of its own (docs/forget.md).

    Without --id, --where and --deleted-at-source, --yes continues a forget that was killed.
    """
    from .rendering import show_forget
    from .reporting import execute, print_report
    from .settings import store_settings

    cli: CliContext = context.obj
    span = span_of(older_than) if older_than is not None else None
    try:
        settings = ForgetSettings(
            layout=to,
            id=tuple(id) if id else None,
            where=where,
            deleted_at_source=deleted_at_source,
            older_than=span,
            reason=reason,
            yes=yes,
            yes_really=yes_really,
        )
    except ConfigurationError as error:
        # The settings' names are those of the options.
        raise typer.BadParameter(f"{error.message}; {error.hint}".replace("_", "-")) from None
    store_access = store_settings(cli.environ, endpoint_url)
    report = execute(
        cli,
        lambda: cli.open_erasable(store_access, to),
        lambda ports, on_progress: forget_outputs(ports, settings, on_progress),
        quiet=quiet or as_json,
    )
    return print_report(cli, report, show_forget, as_json=as_json, quiet=quiet)
