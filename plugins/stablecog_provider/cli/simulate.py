"""`stablecog-archive simulate`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import typer

from .context import CliContext
from .options import Debug, Json, instant_of


def simulate(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen on; there is no protection.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8787,
    outputs: Annotated[int, typer.Option(min=0, help="Outputs that the account has.")] = 2000,
    days: Annotated[float, typer.Option(min=0, help="Days over which they were made.")] = 30,
    seed: Annotated[int, typer.Option(help="Which world; the same seed makes the same world.")] = 0,
    density: Annotated[
        str, typer.Option(metavar="NAME", help="How close generations follow: human or dense.")
    ] = "human",
    dialect: Annotated[str, typer.Option(metavar="NAME", help="How it answers: current or documented.")] = "current",
    now: Annotated[
        datetime | None,
        typer.Option(parser=instant_of, metavar="INSTANT", help="Its clock's start (else the same one every time)."),
    ] = None,
    clock_rate: Annotated[float, typer.Option(min=0, help="Simulated seconds a second; 0 stands still.")] = 1.0,
    rate_limit: Annotated[int, typer.Option(min=0, help="Requests a second for each client; 0 is no limit.")] = 10,
    latency: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How late each page and each image is answered.")
    ] = 0.0,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Serve a stand-in for the Stablecog API, its accounts, images and paging faults included. Needs the extra `simulator`."""
    # Only here, and only now: an archive of a real account needs none of it.
    from ..simulator.server import serve
    from ..simulator.world import DEFAULT_KEY

    cli: CliContext = context.obj

    def print_address(address: str) -> None:
        place = urlsplit(address).netloc
        if as_json:
            text = json.dumps({"address": address, "api_key": DEFAULT_KEY, "image_host": place})
        else:
            text = (
                f"{outputs:,} simulated outputs at {address}, until Ctrl-C. In another terminal:\n"
                f"  export STABLECOG_API_KEY={DEFAULT_KEY}\n"
                f"  stablecog-archive run --source {address} --image-host {place} --to s3://BUCKET/PREFIX"
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
        on_start=print_address,
    )
    return 0
