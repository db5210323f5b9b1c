"""A fake server of the API as a callable, and a client of it: no sockets, no patches, no waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.errors import ArchiveError
from stablecog_provider.model.page import PageQuery

KEY = "sc-" + "c0ffee42" * 8
ADDRESS = "https://api.stablecog.com"
EMPTY: dict[str, Any] = {"outputs": []}
Answer = httpx.Response | Exception


class Time:
    """A clock that only sleeping advances."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Server:
    """Returns the answers in turn, repeating the last, and records requests and their times."""

    def __init__(self, *answers: Answer | Callable[[], Answer], time: Time | None = None) -> None:
        self.answers = list(answers)
        self.time = time or Time()
        self.asked: list[httpx.Request] = []
        self.instants: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.instants.append(self.time.now)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = answer() if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def api(server: Server, **settings: Any) -> StablecogApi:
    return StablecogApi(
        settings.pop("address", ADDRESS),
        settings.pop("api_key", KEY),
        transport=httpx.MockTransport(server),
        sleep=server.time.sleep,
        monotonic=server.time,
        **settings,
    )


def page(document: Any = EMPTY, **settings: Any) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(200, json=document, **settings)


def refusal(status: int, **settings: Any) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, **settings)


async def ask(server: Server, query: PageQuery = PageQuery(), **settings: Any) -> Any:  # noqa: B008 a frozen value
    async with api(server, **settings) as source:
        return await source.page(query)


async def failure(server: Server, query: PageQuery = PageQuery(), **settings: Any) -> ArchiveError:  # noqa: B008
    with pytest.raises(ArchiveError) as caught:
        await ask(server, query, **settings)
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value
