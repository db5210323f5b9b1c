"""A simulator over HTTP, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY, World

LISTING = "/v1/image/generation/outputs"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(World.generate(outputs=120, days=2)) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(simulator.address, timeout=timeout) as session:
        yield session


def bearer(key: str = DEFAULT_KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def ask(client: aiohttp.ClientSession, **parameters: Any) -> tuple[int, dict[str, Any]]:
    async with client.get(LISTING, params=parameters, headers=bearer()) as answer:
        return answer.status, await answer.json()
