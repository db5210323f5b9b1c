"""`stablecog-archive simulation`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any

import typer

from ..errors import ConfigurationError
from .context import CliContext
from .options import Debug, Json, span_of

_DAY = timedelta(days=1)


def simulation(
    context: typer.Context,
    at: Annotated[
        str, typer.Option("--at", metavar="URL", help="Address of the simulation.")
    ] = "http://127.0.0.1:8787",
    tomorrow: Annotated[bool, typer.Option("--tomorrow", help="Advance its clock by a day.")] = False,
    advance: Annotated[
        timedelta | None, typer.Option(parser=span_of, metavar="DURATION", help="Advance its clock: 90m, 36h, 2d.")
    ] = None,
    delete: Annotated[
        str | None,
        typer.Option(metavar="N|SHARE", help="Delete outputs of the account: a number, or a share such as 60%."),
    ] = None,
    images_too: Annotated[
        bool, typer.Option("--images-too", help="The images of outputs that --delete deletes vanish as well.")
    ] = False,
    hide: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="List N outputs on no page, but count them; 0: list all again."),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(
            metavar="RATES", help="Spoil a share of the requests from now on, as `simulate --faults`; or none."
        ),
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(metavar="NAME", help="Change the API from now on: current or documented.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Change a running simulation: let time pass, delete outputs, spoil requests. Without options, print its state."""
    cli: CliContext = context.obj
    actions: list[tuple[str, dict[str, Any]]] = []
    if span := sum((_DAY * tomorrow, advance or timedelta(0)), timedelta(0)):
        actions.append(("clock/advance", {"seconds": span.total_seconds()}))
    if delete is not None:
        actions.append(("outputs/delete", _amount(delete) | {"image_too": images_too}))
    elif images_too:
        raise typer.BadParameter("--images-too needs --delete")
    if hide is not None:
        actions.append(("outputs/hide", {"count": hide}))
    if faults is not None:
        actions.append(("faults/rates", {"rates": faults}))
    if dialect is not None:
        actions.append(("dialect", {"name": dialect}))
    state = _request(at, "state", None)
    for path, body in actions:
        state = _request(at, path, body)
    cli.out.write((json.dumps(state) if as_json else _sentence(state)) + "\n")
    return 0


def _amount(text: str) -> dict[str, float | int]:
    if text.isascii() and text.isdigit():
        return {"count": int(text)}
    from ..simulator.fault_rates import share_of

    try:
        return {"share": share_of(text)}
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _sentence(state: dict[str, Any]) -> str:
    outputs = state["outputs"]
    hidden = f" and counts {outputs['hidden']:,} more that it does not list" if outputs["hidden"] else ""
    return (
        f"The clock of the simulation is at {state['clock']['now']}. "
        f"It lists {outputs['visible'] - outputs['hidden']:,} outputs{hidden}. Faults: {state['faults']}."
    )


def _request(address: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    """Return the state of the simulation, after the action `path` if there is a `body`. Raises ConfigurationError."""
    import httpx

    hint = "start it with `stablecog-archive simulate`, and pass the address that it prints with --at"
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(f"{address!r} is not the address of a simulation", hint=hint)
    method = "GET" if body is None else "POST"
    try:
        # A simulation is on this machine or in this network, so the proxy for the world outside is of no use.
        answer = httpx.request(
            method, f"{address.rstrip('/')}/_simulator/{path}", json=body, trust_env=False, timeout=30
        )
        document = answer.json()
        if answer.is_error:
            raise ConfigurationError(
                f"the simulation refuses this: {document['error']}", hint="`--help` shows the form of each option"
            )
        _sentence(document)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"no simulation answers at {address}: {error or type(error).__name__}", hint=hint
        ) from None
    state: dict[str, Any] = document
    return state
