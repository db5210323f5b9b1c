"""State that all parts of a running simulator share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from .clock import SimulatedClock
from .dialect import CURRENT, Dialect
from .fault_rates import FaultRates
from .faults import Faults, RateLimit
from .world import World


@dataclass(slots=True)
class Requests:
    """Number of requests by kind. Errors count as `pages` or `images`, and again under their own name."""

    pages: int = 0
    images: int = 0
    image_bytes: int = 0
    """Bytes of the images that were served completely."""
    limited: int = 0
    unauthorized: int = 0
    refused: int = 0
    """Answered with 400."""
    faults: int = 0
    models: int = 0
    """Requests for the list of models. Faults that are planned for the API do not strike them; rates for pages do."""
    models_with_key: int = 0
    """Those with an `Authorization` header, which the list does not need."""
    images_with_key: int = 0
    """Image requests with an `Authorization` header. A client must never send its key to the image host."""
    queries: list[str] = field(default_factory=list)
    """The query strings of all page requests, in order."""

    def reset(self) -> None:
        fresh = Requests()
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))


@dataclass(slots=True)
class Scene:
    """`image_address`: scheme, host and port of image URLs; None: those of the request. `latency`: seconds by which every
    response of the API and of the image host is delayed.
    """

    world: World
    clock: SimulatedClock
    dialect: Dialect = CURRENT
    rate_limit: RateLimit | None = None
    image_address: str | None = None
    latency: float = 0.0
    faults: Faults = field(default_factory=Faults)
    rates: FaultRates = field(default_factory=FaultRates)
    requests: Requests = field(default_factory=Requests)
    changes: list[dict[str, Any]] = field(default_factory=list)
    """What the control endpoints did to outputs, in order: `action`, `id` and `body` of each."""
    on_change: Callable[[], None] = lambda: None
    """Called after the control endpoints have moved the clock or changed outputs."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
