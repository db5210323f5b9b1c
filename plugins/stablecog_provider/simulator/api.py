"""The service's own endpoints: the listing, the list of models, and the image host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from aiohttp import web

from ..model.page import Order, PageQuery
from .documents import page_document
from .fault_rates import IMAGES, PAGES
from .fault_responses import failure, spoiled
from .faults import Manner
from .listing import QueryRefused, parse_rfc3339
from .models import models_document
from .scene import Scene
from .world import Account

LISTING = "/v1/image/generation/outputs"
MODELS = "/v1/image/generation/models"
_ERRORS = {401: "Unauthorized", 500: "Error getting generations"}


def api_routes(scene: Scene) -> list[web.RouteDef]:
    async def listing(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(scene.latency)
        return await _answer_listing(scene, request)

    async def image(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(scene.latency)
        return await _answer_image(scene, request)

    async def models(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(scene.latency)
        return await _answer_models(scene, request)

    return [web.get(LISTING, listing), web.get(MODELS, models), web.get("/images/{file_name}", image)]


def error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


async def _answer_listing(scene: Scene, request: web.Request) -> web.StreamResponse:
    scene.requests.pages += 1
    scene.requests.queries.append(request.query_string)
    refusal = _limited(scene, request)
    if refusal:
        return refusal
    fault = scene.faults.strike_api() or scene.rates.strike(PAGES, request.query_string)
    if fault and fault.manner is Manner.STATUS:
        scene.requests.faults += 1
        return failure(fault, _ERRORS)
    account = _account(scene, request)
    if account is None:
        scene.requests.unauthorized += 1
        return error(401, _ERRORS[401])
    try:
        body = _page(scene, account, request)
    except QueryRefused as refused:
        scene.requests.refused += 1
        return error(400, str(refused))
    if fault:
        scene.requests.faults += 1
        return await spoiled(request, fault, body, "application/json", scene.stopping)
    return web.Response(body=body, content_type="application/json", charset="utf-8")


async def _answer_models(scene: Scene, request: web.Request) -> web.StreamResponse:
    scene.requests.models += 1
    scene.requests.models_with_key += "Authorization" in request.headers
    refusal = _limited(scene, request)
    if refusal:
        return refusal
    fault = scene.rates.strike(PAGES, MODELS)
    if fault and fault.manner is Manner.STATUS:
        scene.requests.faults += 1
        return failure(fault, _ERRORS)
    body = json.dumps(models_document(scene.clock.now(), scene.world.retired)).encode()
    if fault:
        scene.requests.faults += 1
        return await spoiled(request, fault, body, "application/json", scene.stopping)
    return web.Response(body=body, content_type="application/json", charset="utf-8")


def _limited(scene: Scene, request: web.Request) -> web.Response | None:
    """Return 429 as plain text, because it comes from a layer in front of the API."""
    if scene.rate_limit is None:
        return None
    left, wait = scene.rate_limit.admit(request.remote or "")
    if not wait:
        return None
    scene.requests.limited += 1
    reset = int(scene.clock.now().timestamp()) + wait
    headers = {
        "Retry-After": str(wait),
        "X-RateLimit-Limit": str(scene.rate_limit.limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(reset),
    }
    return web.Response(status=429, text="Too Many Requests\n", headers=headers)


def _account(scene: Scene, request: web.Request) -> Account | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    account = scene.world.accounts.get(key) if scheme == "Bearer" else None
    return account if account and account.active else None


def _page(scene: Scene, account: Account, request: web.Request) -> bytes:
    now = scene.clock.now()
    listed = account.listing.page(_query(request.query), now, scene.dialect)
    if scene.world.hidden:
        listed = replace(listed, rows=tuple(row for row in listed.rows if row.id not in scene.world.hidden))
    address = scene.image_address or f"{request.scheme}://{request.host}"
    return json.dumps(page_document(listed, now, scene.dialect, address), ensure_ascii=False).encode()


def _query(asked: Mapping[str, str]) -> PageQuery:
    """Parse the query. Filters and `order_by` are ignored, as the service does. Raises QueryRefused."""
    order, per_page = asked.get("order"), asked.get("per_page")
    if order is not None and order not in tuple(Order):
        raise QueryRefused("order must be asc or desc")
    if per_page is not None and not (per_page.isascii() and per_page.isdigit() and len(per_page) < 10):
        raise QueryRefused("per_page must be an integer")
    return PageQuery(
        cursor=asked.get("cursor") or None,
        order=Order(order) if order else None,
        per_page=int(per_page) if per_page else None,
        start=parse_rfc3339(asked["start_dt"]) if asked.get("start_dt") else None,
        end=parse_rfc3339(asked["end_dt"]) if asked.get("end_dt") else None,
    )


async def _answer_image(scene: Scene, request: web.Request) -> web.StreamResponse:
    # Only clients that fetch images need Pillow.
    from .images import CONTENT_TYPES, image_of

    scene.requests.images += 1
    scene.requests.images_with_key += "Authorization" in request.headers
    file_name = request.match_info["file_name"]
    fault = scene.faults.strike_image(file_name) or scene.rates.strike(IMAGES, file_name)
    if fault and fault.manner is Manner.STATUS:
        scene.requests.faults += 1
        return failure(fault, _ERRORS)
    found = scene.world.image(file_name)
    if found is None or not found[0].has_image(found[1], scene.clock.now()):
        return web.Response(status=404, text="404 page not found\n")
    body = image_of(*found)
    content_type = CONTENT_TYPES[PurePosixPath(file_name).suffix.removeprefix(".")]
    if fault:
        scene.requests.faults += 1
        return await spoiled(request, fault, body, content_type, scene.stopping)
    scene.requests.image_bytes += len(body)
    return web.Response(body=body, content_type=content_type)
