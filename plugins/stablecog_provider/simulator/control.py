"""Endpoints under `/_simulator/` for other programs: they advance the clock, plan faults and read the true state.

::

    GET  state                                       counts, clock, requests by kind
    GET  outputs?key=sc-...                          all visible outputs as [{id, g, o}] (default account)
    POST clock/advance    {"seconds": 3600}
    POST clock/set        {"now": "2026-11-21T08:00:00Z"}
    POST faults/api       {"manner": "status", "status": 503, "times": 2, "after": 0, "retry_after": "1"}
    POST faults/image     the same, and "file_name": "....jpeg" (default: the next image requested)
    POST faults/clear
    POST requests/reset
    POST outputs/{id}/delete | upscale | favourite   {"at": "2026-11-21T08:00:00Z"} (default: now)

An invalid body is answered with 400, an unknown output with 404. There is no authentication: it listens on loopback.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from aiohttp import web

from .api import error
from .documents import format_go
from .faults import Fault, Manner
from .listing import QueryRefused, parse_rfc3339
from .scene import Scene
from .world import DEFAULT_KEY

Action = Callable[[Scene, web.Request, dict[str, Any]], None]


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
        *(web.post(f"/_simulator/{path}", _handler(scene, action)) for path, action in _ACTIONS.items()),
    ]


def state_of(scene: Scene) -> dict[str, Any]:
    """Return the document of `GET state`."""
    now, listing = scene.clock.now(), scene.world.account().listing
    requests = asdict(scene.requests)
    del requests["queries"]
    return {
        "clock": {"now": format_go(now), "rate": scene.clock.rate},
        "outputs": {"visible": listing.count(now), "ever": len(listing)},
        "requests": requests,
    }


def _handler(scene: Scene, action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.text() or "{}")
            action(scene, request, body)
        except KeyError as missing:
            return error(404 if "id" in request.match_info else 400, f"unknown or missing: {missing}")
        except (ValueError, TypeError, AttributeError, OverflowError, QueryRefused) as wrong:
            return error(400, str(wrong))
        return web.json_response(state_of(scene))

    return handle


def _advance(scene: Scene, _: web.Request, body: dict[str, Any]) -> None:
    scene.clock.advance(float(body["seconds"]))


def _set(scene: Scene, _: web.Request, body: dict[str, Any]) -> None:
    scene.clock.set(parse_rfc3339(body["now"]))


def _break_api(scene: Scene, _: web.Request, body: dict[str, Any]) -> None:
    scene.faults.on_api(_fault(body))


def _break_image(scene: Scene, _: web.Request, body: dict[str, Any]) -> None:
    file_name = body.pop("file_name", scene.faults.any_image)
    scene.faults.on_image(file_name, _fault(body))


def _fault(body: dict[str, Any]) -> Fault:
    return Fault(**{**body, "manner": Manner(body.get("manner", Manner.STATUS))})


def _clear_faults(scene: Scene, _: web.Request, __: dict[str, Any]) -> None:
    scene.faults.clear()


def _reset(scene: Scene, _: web.Request, __: dict[str, Any]) -> None:
    scene.requests.reset()


def _delete(scene: Scene, request: web.Request, body: dict[str, Any]) -> None:
    scene.world.delete(request.match_info["id"], _at(scene, body), image_too=bool(body.get("image_too")))


def _upscale(scene: Scene, request: web.Request, body: dict[str, Any]) -> None:
    scene.world.upscale(request.match_info["id"], _at(scene, body))


def _favourite(scene: Scene, request: web.Request, body: dict[str, Any]) -> None:
    scene.world.favourite(request.match_info["id"], _at(scene, body), bool(body.get("value", True)))


def _at(scene: Scene, body: dict[str, Any]) -> datetime:
    return parse_rfc3339(body["at"]) if "at" in body else scene.clock.now()


_ACTIONS: dict[str, Action] = {
    "clock/advance": _advance,
    "clock/set": _set,
    "faults/api": _break_api,
    "faults/image": _break_image,
    "faults/clear": _clear_faults,
    "requests/reset": _reset,
    "outputs/{id}/delete": _delete,
    "outputs/{id}/upscale": _upscale,
    "outputs/{id}/favourite": _favourite,
}
