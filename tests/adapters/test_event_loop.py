"""The loop that a run lives in."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial

import pytest
import uvloop

from adapters import test_image_http as over_http
from stablecog_provider.adapters import event_loop


async def loop_type() -> type[asyncio.AbstractEventLoop]:
    return type(asyncio.get_running_loop())


def test_it_is_uvloop_where_that_is_installed() -> None:
    assert issubclass(event_loop.run(loop_type()), uvloop.Loop)


def test_it_is_asyncios_own_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert issubclass(event_loop.run(loop_type()), asyncio.SelectorEventLoop)


@pytest.mark.parametrize("installed", [True, False])
def test_an_interruption_cancels_what_runs_and_comes_out(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    cleaned_up = False

    async def interrupted() -> None:
        nonlocal cleaned_up
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            cleaned_up = True

    with pytest.raises(KeyboardInterrupt):
        event_loop.run(interrupted())
    assert cleaned_up


@pytest.mark.parametrize(
    "scene",
    [
        over_http.test_a_body_is_unchanged_and_has_its_length,
        over_http.test_a_body_without_a_length,
        over_http.test_a_body_that_breaks_off,
        over_http.test_a_host_that_cannot_be_reached,
        partial(over_http.test_a_host_that_hangs, False),
        partial(over_http.test_a_host_that_hangs, True),
        over_http.test_redirects_are_followed_to_allowed_hosts,
        over_http.test_a_name_of_the_service_that_resolves_to_a_private_address_is_refused_at_the_connection,
        over_http.test_a_transfer_over_real_http_survives_failures_of_the_host,
    ],
)
def test_of_uvloop_the_same_comes_as_of_asyncio(scene: Callable[[], Coroutine[None, None, None]]) -> None:
    """The other tests of the adapters run on asyncio's own loop."""
    event_loop.run(scene())
