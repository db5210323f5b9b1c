"""`stablecog-archive status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ArchiveError
from .context import CliContext
from .options import Debug, EndpointUrl, Json, layout_of, span_of

if TYPE_CHECKING:
    from ..archive.ports import ObjectStore
    from ..archive.reports.limits import Limits
    from ..archive.status import ArchiveStatus
    from ..model.object_keys import Layout

    OpenStore = Callable[[Layout], AbstractAsyncContextManager[ObjectStore]]


class Format(StrEnum):
    """How `status` prints."""

    TEXT = "text"
    JSON = "json"
    PROMETHEUS = "prometheus"


def _limit(option: str, text: str) -> object:
    return typer.Option(option, parser=span_of, metavar="DURATION", help=text)


def status(
    context: typer.Context,
    archives: Annotated[
        list[str] | None,
        typer.Argument(metavar="[S3_ADDRESS]...", help="Addresses of archives; several are printed as one table."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="S3_ADDRESS", help="Address of an archive, as for the other commands."),
    ] = None,
    endpoint_url: EndpointUrl = None,
    max_lag: Annotated[
        timedelta | None,
        _limit("--max-lag", "Exit with 3 if the newest covered instant, or the last comparison, is older: 36h."),
    ] = None,
    max_unverified: Annotated[
        timedelta | None,
        _limit("--max-unverified", "Exit with 3 if stored bytes were not verified for longer: 30d."),
    ] = None,
    max_unrefreshed: Annotated[
        timedelta | None,
        _limit("--max-unrefreshed", "Exit with 3 if metadata was not read from the source for longer: 30d."),
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="text, json (as --json) or prometheus (metrics in the text format).")
    ] = Format.TEXT,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Report the state of archives: verdict, age, gaps, last runs, images that are missing. Reads the buckets alone."""
    from ..adapters import event_loop
    from ..archive.reports.limits import Limits
    from .settings import store_settings

    cli: CliContext = context.obj
    layouts = [layout_of(text) for text in (*([to] if to else []), *(archives or []))]
    if not layouts:
        raise typer.BadParameter("name at least one archive: s3://bucket/prefix, or --to s3://bucket/prefix")
    limits = Limits(lag=max_lag, unverified=max_unverified, unrefreshed=max_unrefreshed)
    store_access = store_settings(cli.environ, endpoint_url)
    output = Format.JSON if as_json else output
    found, errors = event_loop.run(
        _read(lambda layout: cli.open_store(store_access, layout), list(dict.fromkeys(layouts)), limits)
    )
    return _print(cli, found, errors, output)


def _print(cli: CliContext, found: Sequence[ArchiveStatus], errors: dict[str, ArchiveError], output: Format) -> int:
    """Print what was found. Returns the worst exit code."""
    from .exits import Redaction, document_of, exit_of
    from .prometheus import metrics
    from .rendering import show_status, show_statuses
    from .reporting import print_report

    if len(found) + len(errors) == 1:
        for error in errors.values():
            raise error
        if output is not Format.PROMETHEUS:
            return print_report(cli, found[0], show_status, as_json=output is Format.JSON)
    hide = Redaction(cli.environ)
    failed = {archive: document_of(error, hide) for archive, error in errors.items()}
    if output is Format.PROMETHEUS:
        cli.out.write(metrics(found, failed))
    elif output is Format.JSON:
        import json

        documents = [
            *(each.to_document() for each in found),
            *({"archive": name, **each} for name, each in failed.items()),
        ]
        cli.out.write(json.dumps({"archives": documents}) + "\n")
    else:
        from rich.console import Console

        show_statuses(Console(file=cli.out), found, failed)
    # An archive that cannot be read is worse than one of which something is left.
    codes = [int(exit_of(error)) for error in errors.values()]
    return min(codes) if codes else max((each.exit_code for each in found), default=0)


async def _read(
    opened: OpenStore, layouts: Sequence[Layout], limits: Limits
) -> tuple[list[ArchiveStatus], dict[str, ArchiveError]]:
    """The state of each archive, or why it cannot be read: one that is broken must not hide the others."""
    from ..archive.status import status as read_status

    found: list[ArchiveStatus] = []
    errors: dict[str, ArchiveError] = {}
    for layout in layouts:
        try:
            async with opened(layout) as store:
                # Only names need this import, so an archive that cannot be reached does not wait for it.
                from ..adapters.parquet_registers import ParquetRegisters

                found.append(await read_status(store, layout, limits=limits, registers=ParquetRegisters(store, layout)))
        except ArchiveError as error:
            errors[str(layout)] = error
    return found, errors
