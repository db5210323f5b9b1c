"""`stablecog-archive simulate`."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from .context import CliContext
from .options import Debug, Json, instant_of


def simulate(
    context: typer.Context,
    host: Annotated[
        str,
        typer.Option(metavar="HOST", help="Address to listen on. Anyone who can reach it can change the simulation."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8787,
    outputs: Annotated[
        int, typer.Option(min=0, help="Number of outputs in the account at the start; about a tenth as many follow.")
    ] = 2000,
    days: Annotated[float, typer.Option(min=0, help="Number of days over which they were generated.")] = 30,
    seed: Annotated[int, typer.Option(help="The same seed generates the same account.")] = 0,
    density: Annotated[
        str, typer.Option(metavar="NAME", help="How closely generations follow each other: human or dense.")
    ] = "human",
    dialect: Annotated[
        str, typer.Option(metavar="NAME", help="Which API it simulates: current (as observed) or documented.")
    ] = "current",
    now: Annotated[
        datetime | None,
        typer.Option(
            parser=instant_of, metavar="INSTANT", help="Start of the simulated clock; a fixed instant by default."
        ),
    ] = None,
    clock_rate: Annotated[float, typer.Option(min=0, help="Simulated seconds per second; 0 stops the clock.")] = 1.0,
    rate_limit: Annotated[int, typer.Option(min=0, help="Requests per second per client; 0 is no limit.")] = 10,
    latency: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Delay of each page and each image.")] = 0.0,
    faults: Annotated[
        str,
        typer.Option(
            metavar="RATES",
            help="Spoil a share of the requests: [pages.|images.]KIND=RATE[,...] with a KIND of failing, slow, broken, "
            "refused, missing or looped. Example: failing=5%,images.broken=10%.",
        ),
    ] = "none",
    deletions: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="Share of the outputs that are deleted within 30 days.")
    ] = 0.03,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the clock and all changes in FILE, so that a restart continues."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Serve a simulated Stablecog API. It has accounts, images and paging faults. Needs the extra `simulator`.

    `stablecog-archive simulation` changes it while it runs.
    """
    # An archive of a real account needs none of it.
    from ..simulator.server import serve
    from ..simulator.world import BANNED_KEY, DEFAULT_KEY, OTHER_KEY

    cli: CliContext = context.obj

    def print_address(address: str) -> None:
        host_and_port = urlsplit(address).netloc
        if as_json:
            keys = {"api_key": DEFAULT_KEY, "second_api_key": OTHER_KEY, "banned_api_key": BANNED_KEY}
            text = json.dumps({"address": address, **keys, "image_host": host_and_port})
        else:
            text = (
                f"{outputs:,} simulated outputs at {address}, until Ctrl-C. In another terminal:\n"
                f"  export STABLECOG_API_KEY={DEFAULT_KEY}\n"
                f"  stablecog-archive run --source {address} --image-host {host_and_port} --to s3://BUCKET/PREFIX\n"
                f"  stablecog-archive simulation --at {address} --tomorrow    # a day passes\n"
                f"For Airflow:\n"
                f"  {connection_command(address, DEFAULT_KEY)}\n"
                f"Other keys: {OTHER_KEY} (a second account), {BANNED_KEY} (banned)"
            )
        cli.out.write(text + "\n")
        cli.out.flush()

    serve(
        host=host,
        port=port,
        outputs=outputs,
        days=days,
        seed=seed,
        density=density,
        dialect=dialect,
        clock_start=now,
        clock_rate=clock_rate,
        rate_limit=rate_limit or None,
        latency=latency,
        faults=faults,
        deletions=deletions,
        state=state,
        on_start=print_address,
    )
    return 0


def connection_command(address: str, api_key: str) -> str:
    """Return the `airflow connections add` of a simulated account, quoted for a shell."""
    extra = json.dumps({"image_hosts": [urlsplit(address).netloc]})
    command = ["airflow", "connections", "add", "stablecog_default", "--conn-type", "stablecog"]
    return shlex.join([*command, "--conn-host", address, "--conn-password", api_key, "--conn-extra", extra])
