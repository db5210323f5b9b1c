"""What all parts of a running simulator share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields

from .clock import SimulatedClock
from .dialect import CURRENT, Dialect
from .faults import Faults, RateLimit
from .world import World


@dataclass(slots=True)
class Requests:
    """Requests seen, by kind. Errors count among `pages` or `images` too, and again under their own name."""

    pages: int = 0
    images: int = 0
    image_bytes: int = 0
    """Bytes of the images that were served whole."""
    limited: int = 0
    unauthorized: int = 0
    refused: int = 0
    """Answered 400."""
    faults: int = 0
    images_with_key: int = 0
    """Images asked for with an `Authorization` header: a client must never send its key there."""
    queries: list[str] = field(default_factory=list)
    """The query string of each page asked for, in order."""

    def reset(self) -> None:
        fresh = Requests()
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))


@dataclass(slots=True)
class Scene:
    """`image_address` (scheme, host, port) stands in the documents' image URLs; None: where the client asked. `latency`:
    seconds by which every answer of the API and of the image host is late.
    """

    world: World
    clock: SimulatedClock
    dialect: Dialect = CURRENT
    rate_limit: RateLimit | None = None
    image_address: str | None = None
    latency: float = 0.0
    faults: Faults = field(default_factory=Faults)
    requests: Requests = field(default_factory=Requests)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
