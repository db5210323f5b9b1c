"""Endpoints under `/_simulator/` for other programs: they advance the clock, plan faults and read the true state.

::

    GET  state                                       counts, clock, fault rates, requests by kind
    GET  outputs?key=sc-...                          all visible outputs as [{id, g, o}] (default account)
    POST clock/advance    {"seconds": 3600}
    POST clock/set        {"now": "2026-11-21T08:00:00Z"}
    POST faults/api       {"manner": "status", "status": 503, "times": 2, "after": 0, "retry_after": "1"}
    POST faults/image     the same, and "file_name": "....jpeg" (default: the next image requested)
    POST faults/rates     {"rates": "failing=5%,images.broken=0.1", "seed": 0}
    POST faults/clear
    POST dialect          {"name": "documented"}
    POST requests/reset
    POST outputs/delete   {"count": 20} or {"share": 0.6}, "image_too": true, "at" (default: now)
    POST outputs/hide     {"count": 3}: visible outputs that are counted, but on no page (0: none)
    POST outputs/{id}/delete | upscale | favourite   {"at": "2026-11-21T08:00:00Z"} (default: now)

An invalid body is answered with 400, an unknown output with 404. There is no authentication: it listens on loopback.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zlib import crc32

from aiohttp import web

from .api import error
from .dialect import PRESETS
from .documents import format_go
from .fault_rates import FaultRates
from .faults import Fault, Manner
from .listing import QueryRefused, parse_rfc3339
from .outputs import SimulatedOutput
from .scene import Scene
from .world import DEFAULT_KEY

Action = Callable[[Scene, str, dict[str, Any]], None]
"""Takes the id of an output, or an empty text."""


def control_routes(scene: Scene) -> list[web.RouteDef]:
    async def state(_: web.Request) -> web.Response:
        return web.json_response(state_of(scene))

    async def outputs(request: web.Request) -> web.Response:
        account = scene.world.accounts.get(request.query.get("key", DEFAULT_KEY))
        if account is None:
            return error(404, "no such account")
        visible = account.listing.visible(scene.clock.now())
        return web.json_response([{"id": row.id, "g": format_go(row.g), "o": format_go(row.o)} for row in visible])

    return [
        web.get("/_simulator/state", state),
        web.get("/_simulator/outputs", outputs),
        *(web.post(f"/_simulator/{path}", _handler(scene, path, action)) for path, action in ACTIONS.items()),
    ]


def state_of(scene: Scene) -> dict[str, Any]:
    """Return the document of `GET state`."""
    now, listing = scene.clock.now(), scene.world.account().listing
    requests = asdict(scene.requests)
    del requests["queries"]
    return {
        "clock": {"now": format_go(now), "rate": scene.clock.rate},
        "outputs": {"visible": listing.count(now), "ever": len(listing), "hidden": len(scene.world.hidden)},
        "faults": str(scene.rates),
        "requests": requests,
    }


def _handler(scene: Scene, path: str, action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.text() or "{}")
            carry_out(scene, path, action, request.match_info.get("id", ""), body)
        except KeyError as missing:
            return error(404 if "id" in request.match_info else 400, f"unknown or missing: {missing}")
        except (ValueError, TypeError, AttributeError, OverflowError, QueryRefused) as wrong:
            return error(400, str(wrong))
        return web.json_response(state_of(scene))

    return handle


def carry_out(scene: Scene, path: str, action: Action, output_id: str, body: dict[str, Any]) -> None:
    """Do it, record it if it changes outputs, and report what a restart has to know. Raises what the action raises."""
    changes_outputs = path.startswith("outputs/")
    if changes_outputs:
        body.setdefault("at", format_go(scene.clock.now()))
    action(scene, output_id, body)
    if changes_outputs:
        scene.changes.append({"action": path, "id": output_id, "body": body})
    if changes_outputs or path.startswith("clock/"):
        scene.on_change()


def _advance(scene: Scene, _: str, body: dict[str, Any]) -> None:
    scene.clock.advance(float(body["seconds"]))


def _set(scene: Scene, _: str, body: dict[str, Any]) -> None:
    scene.clock.set(parse_rfc3339(body["now"]))


def _break_api(scene: Scene, _: str, body: dict[str, Any]) -> None:
    scene.faults.on_api(_fault(body))


def _break_image(scene: Scene, _: str, body: dict[str, Any]) -> None:
    file_name = body.pop("file_name", scene.faults.any_image)
    scene.faults.on_image(file_name, _fault(body))


def _fault(body: dict[str, Any]) -> Fault:
    return Fault(**{**body, "manner": Manner(body.get("manner", Manner.STATUS))})


def _set_rates(scene: Scene, _: str, body: dict[str, Any]) -> None:
    scene.rates = FaultRates.parse(body["rates"], int(body.get("seed", scene.rates.seed)))


def _clear_faults(scene: Scene, _: str, __: dict[str, Any]) -> None:
    scene.faults.clear()
    scene.rates = FaultRates(seed=scene.rates.seed)


def _set_dialect(scene: Scene, _: str, body: dict[str, Any]) -> None:
    scene.dialect = PRESETS[body["name"]]


def _reset(scene: Scene, _: str, __: dict[str, Any]) -> None:
    scene.requests.reset()


def _delete(scene: Scene, output_id: str, body: dict[str, Any]) -> None:
    scene.world.delete(output_id, parse_rfc3339(body["at"]), image_too=bool(body.get("image_too")))


def _upscale(scene: Scene, output_id: str, body: dict[str, Any]) -> None:
    scene.world.upscale(output_id, parse_rfc3339(body["at"]))


def _favourite(scene: Scene, output_id: str, body: dict[str, Any]) -> None:
    scene.world.favourite(output_id, parse_rfc3339(body["at"]), bool(body.get("value", True)))


def _delete_some(scene: Scene, _: str, body: dict[str, Any]) -> None:
    at = parse_rfc3339(body["at"])
    for output in _chosen(scene, at, body):
        scene.world.delete(output.id, at, image_too=bool(body.get("image_too")))


def _hide(scene: Scene, _: str, body: dict[str, Any]) -> None:
    scene.world.hidden = {output.id for output in _chosen(scene, parse_rfc3339(body["at"]), body)}


def _chosen(scene: Scene, at: datetime, body: dict[str, Any]) -> list[SimulatedOutput]:
    """Return some outputs of the account that are visible at `at`: always the same ones, scattered over its history."""
    visible = scene.world.visible(at)
    count = round(float(body["share"]) * len(visible)) if "share" in body else int(body["count"])
    if not 0 <= count <= len(visible):
        raise ValueError(f"the account has {len(visible)} outputs, so {count} cannot be chosen")
    return sorted(visible, key=lambda output: crc32(output.id.encode()))[:count]


ACTIONS: dict[str, Action] = {
    "clock/advance": _advance,
    "clock/set": _set,
    "faults/api": _break_api,
    "faults/image": _break_image,
    "faults/rates": _set_rates,
    "faults/clear": _clear_faults,
    "dialect": _set_dialect,
    "requests/reset": _reset,
    "outputs/delete": _delete_some,
    "outputs/hide": _hide,
    "outputs/{id}/delete": _delete,
    "outputs/{id}/upscale": _upscale,
    "outputs/{id}/favourite": _favourite,
}
