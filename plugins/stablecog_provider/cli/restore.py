"""`stablecog-archive restore`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..archive.restore import DRILL_SAMPLE, RestoreSettings
from ..archive.restore import restore as restore_archive
from ..archive.restoring.names import FIELDS, RENDITIONS
from ..model.manifest import BOOL, COLUMNS, FLOAT64, INSTANT, INT32, INT64, STRING
from ..model.object_keys import Layout
from .context import CliContext
from .options import Debug, EndpointUrl, ImageHost, Json, Quiet, layout_of

_MIN_SAMPLE, _MAX_SAMPLE = RestoreSettings.BOUNDS["sample"]
_MIN_SEED, _MAX_SEED = RestoreSettings.BOUNDS["seed"]
_MIN_CONCURRENCY, _MAX_CONCURRENCY = RestoreSettings.BOUNDS["concurrency"]


def restore(
    context: typer.Context,
    layout: Annotated[
        Layout,
        typer.Option(
            "--from", parser=layout_of, metavar="S3_ADDRESS", help="Address of the archive: s3://bucket/prefix."
        ),
    ],
    to_folder: Annotated[
        str, typer.Option("--to-folder", metavar="DIR", help="Restore to files of this folder.")
    ] = RestoreSettings.to_folder,
    into: Annotated[
        Layout | None,
        typer.Option(
            "--into", parser=layout_of, metavar="S3_ADDRESS", help="Restore into another archive, at an empty prefix."
        ),
    ] = RestoreSettings.into,
    drill: Annotated[
        bool,
        typer.Option(
            "--drill",
            help=f"Restore a random sample ({DRILL_SAMPLE} images by default) to a scratch folder, compare it with the source, "
            "and remove the folder.",
        ),
    ] = RestoreSettings.drill,
    where: Annotated[
        str, typer.Option("--where", metavar="SQL", help="Only rows for which this DuckDB expression holds; see below.")
    ] = RestoreSettings.where,
    rendition: Annotated[
        str, typer.Option("--rendition", metavar="NAME", help=f"{', '.join(RENDITIONS[:-1])} or {RENDITIONS[-1]}.")
    ] = RestoreSettings.rendition,
    template: Annotated[
        str, typer.Option("--layout", metavar="TEMPLATE", help="How files are named; see below.")
    ] = RestoreSettings.template,
    sidecars: Annotated[
        bool, typer.Option("--sidecars", help="Write the row of each image as JSON beside it.")
    ] = RestoreSettings.sidecars,
    contact_sheet: Annotated[
        bool, typer.Option("--contact-sheet", help="Write index.html with thumbnails, to be opened without network.")
    ] = RestoreSettings.contact_sheet,
    sample: Annotated[
        int,
        typer.Option(
            min=_MIN_SAMPLE, max=_MAX_SAMPLE, metavar="N", help="Restore N images, drawn at random; 0 is all."
        ),
    ] = RestoreSettings.sample,
    seed: Annotated[
        int | None,
        typer.Option(
            min=_MIN_SEED, max=_MAX_SEED, metavar="N", help="Of the drawing: the same seed draws the same images."
        ),
    ] = RestoreSettings.seed,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report how many images, and how large. Write nothing.")
    ] = RestoreSettings.dry_run,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other files of the same name.")
    ] = RestoreSettings.overwrite,
    concurrency: Annotated[
        int, typer.Option(min=_MIN_CONCURRENCY, max=_MAX_CONCURRENCY, help="Upper limit on images at the same time.")
    ] = RestoreSettings.concurrency,
    endpoint_url: EndpointUrl = None,
    image_host: ImageHost = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Restore images to a folder or into another archive. Writes nothing to the archive itself; needs no API key."""
    from .rendering import show_restore
    from .reporting import execute, print_report
    from .settings import store_settings

    cli: CliContext = context.obj
    settings = RestoreSettings(
        layout=layout,
        to_folder=to_folder,
        into=into,
        drill=drill,
        where=where,
        rendition=rendition,
        template=template,
        sidecars=sidecars,
        contact_sheet=contact_sheet,
        sample=sample,
        seed=seed,
        dry_run=dry_run,
        overwrite=overwrite,
        concurrency=concurrency,
    )
    store_access = store_settings(cli.environ, endpoint_url)
    report = execute(
        cli,
        lambda: cli.open_restore_ports(store_access, layout, image_host or ()),
        lambda ports, on_progress: restore_archive(ports, settings, on_progress),
        quiet=quiet or as_json,
    )
    return print_report(cli, report, show_restore, as_json=as_json, quiet=quiet)


_KINDS = {
    STRING: "texts",
    INSTANT: "times",
    INT64: "numbers",
    INT32: "numbers",
    FLOAT64: "numbers",
    BOOL: "true or false",
}


def _columns() -> list[str]:
    """The columns by kind, one paragraph each, since a help of 48 lines would be read by nobody."""
    kinds: dict[str, list[str]] = {}
    for name, kind, _ in COLUMNS:
        kinds.setdefault(_KINDS[kind], []).append(name)
    return [f"{kind}: {', '.join(names)}." for kind, names in kinds.items()]


EPILOG = "\n\n".join(
    (
        "Columns for --where, by kind:",
        *_columns(),
        "Example: --where \"prompt ILIKE '%fox%' AND created_at >= '2026-01-01'\"",
        "Fields for --layout, to which the extension is added:",
        "\b\n" + "\n".join(f"  {f'{{{name}}}':<17}{field.help}" for name, field in FIELDS.items()),
        "A restore that was interrupted goes on if the same command is repeated. Exit codes: 0 all that was selected is there; 3 "
        "some of it could not be restored.",
    )
)
"""At the end of `restore --help`."""
