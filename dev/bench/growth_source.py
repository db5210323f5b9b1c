"""A service with an account of any size. Its listing is computed, so it costs nothing and does not distort the measurement.

Output `k` is requested `k` intervals after `START` and completes 5 s later. Each generation has one output, and none is ever
deleted. Paging, cursors and counts are those of the current dialect (the service's open-source server, 2025-11).
`POST /outputs` sets the number of outputs. `POST /idle` lets a number of days pass with nothing new.

`python -m dev.bench.growth_source PORT [IMAGES COUNT]`: images are at `IMAGES/00000.jpeg` and so on, `COUNT` different ones.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

from aiohttp import web

from stablecog_provider.simulator.documents import format_go
from stablecog_provider.simulator.listing import parse_rfc3339

START = datetime(2023, 11, 1, tzinfo=UTC)
YEARS = timedelta(days=1096)
MOST = 1_000_000
INTERVAL = YEARS / MOST
"""Between two outputs: a million in three years, 912 per day."""
LATENCY = timedelta(seconds=5)
KEY = "sc-" + "6ab1ec00" * 8
PROMPT = "a lighthouse on a cliff above a stormy sea at dusk, oil on canvas, by a painter of the last century, highly detailed"


class Account:
    """The first `outputs` outputs, at the time `idle` after the last one. `images`: base address, and number of images."""

    def __init__(self, outputs: int, images: tuple[str, int] | None = None) -> None:
        self.outputs, self.idle, self.images = outputs, timedelta(minutes=10), images

    @property
    def now(self) -> datetime:
        return START + self.outputs * INTERVAL + LATENCY + self.idle

    def first(self, instant: datetime) -> int:
        """Return the number of the first output requested at the instant or later."""
        number = -((START - instant) // INTERVAL)
        return min(max(number, 0), self.outputs)

    def page(self, query: dict[str, str]) -> dict[str, object]:
        size, rising, cursor = int(query.get("per_page", 50)), query.get("order") == "asc", query.get("cursor")
        low, high = 0, self.outputs
        if cursor and rising:
            low = self.first(parse_rfc3339(cursor) - LATENCY + timedelta(microseconds=1))
        elif cursor:
            high = self.first(parse_rfc3339(cursor) - LATENCY)
        numbers = range(low, min(low + size, high)) if rising else range(high - 1, max(high - size, low) - 1, -1)
        document: dict[str, object] = {"outputs": [output(number, self.images) for number in numbers]}
        if len(numbers) < high - low:
            document["next"] = format_go(requested(numbers[-1]) + LATENCY)
        if cursor is None:
            start, end = query.get("start_dt"), query.get("end_dt")
            until = self.first(parse_rfc3339(end) + timedelta(microseconds=1)) if end else high
            document["total"] = max(until - (self.first(parse_rfc3339(start)) if start else low), 0)
        return document


def requested(number: int) -> datetime:
    return START + number * INTERVAL


def output(number: int, images: tuple[str, int] | None = None) -> dict[str, object]:
    at = requested(number)
    image = (
        f"{images[0]}/{number % images[1]:05}.jpeg" if images else f"https://b.stablecog.com/{UUID(int=number)}.jpeg"
    )
    completed = format_go(at + LATENCY)
    return {
        "id": str(UUID(int=number + (1 << 100))),
        "image_url": image,
        "gallery_status": "not_submitted",
        "is_favorited": False,
        "was_auto_submitted": False,
        "is_public": False,
        "like_count": 0,
        "is_liked": False,
        "created_at": completed,
        "updated_at": completed,
        "generation": {
            "id": str(UUID(int=number + (3 << 100))),
            "height": 768,
            "width": 768,
            "inference_steps": 30,
            "seed": number * 2654435761 % 2**32,
            "guidance_scale": 7,
            "scheduler_id": "b7224e56-1440-43b9-ac86-66d66f9e8c91",
            "model_id": "22b0857d-7edc-4d00-9cd9-45aa509db093",
            "created_at": format_go(at),
            "started_at": format_go(at + timedelta(milliseconds=80)),
            "completed_at": completed,
            "num_outputs": 1,
            "prompt": {"id": str(UUID(int=number + (4 << 100))), "text": f"{PROMPT}, number {number}"},
        },
    }


def application(account: Account) -> web.Application:
    async def outputs(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": "Unauthorized"}, status=401)
        body = json.dumps(account.page(dict(request.query))).encode()
        # The archive takes the source's time from this header.
        now = format_datetime(account.now.replace(microsecond=0), usegmt=True)
        return web.Response(body=body, content_type="application/json", headers={"Date": now})

    async def set_outputs(request: web.Request) -> web.Response:
        account.outputs, account.idle = int(await request.text()), timedelta(minutes=10)
        return web.Response(text=account.now.isoformat())

    async def pass_days(request: web.Request) -> web.Response:
        account.idle += timedelta(days=float(await request.text()))
        return web.Response(text=account.now.isoformat())

    app = web.Application()
    app.router.add_get("/v1/image/generation/outputs", outputs)
    app.router.add_post("/outputs", set_outputs)
    app.router.add_post("/idle", pass_days)
    return app


if __name__ == "__main__":
    where = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 2 else None
    web.run_app(application(Account(1000, where)), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
