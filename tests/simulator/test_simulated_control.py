"""Control by another program, and the simulator as a separate program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from stablecog_provider.errors import ConfigurationError
from stablecog_provider.simulator.documents import format_go
from stablecog_provider.simulator.faults import Fault, Manner
from stablecog_provider.simulator.server import Simulator, serve
from stablecog_provider.simulator.world import DEFAULT_KEY, OTHER_KEY, World

from .conftest import ask

PROGRAM = """
import sys
from datetime import UTC, datetime
from stablecog_provider.simulator.server import serve
serve(port=0, outputs=50, days=1, clock_start=datetime(2026, 11, 21, 8, tzinfo=UTC), clock_rate=0,
      on_start=lambda address: print(address, flush=True))
print("stopped", flush=True)
"""


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(World.generate(outputs=60, days=1)) as running:
        yield running


async def post(client: aiohttp.ClientSession, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    async with client.post(f"/_simulator/{path}", data=json.dumps(body) if body is not None else b"") as answer:
        return answer.status, await answer.json()


async def ask_status(client: aiohttp.ClientSession) -> int:
    async with client.get("/v1/image/generation/outputs") as answer:
        return answer.status


async def test_the_state_has_clock_counts_and_requests(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    await client.get("/v1/image/generation/outputs?per_page=3")
    await client.get("/images/none.png")
    async with client.get("/_simulator/state") as answer:
        state = await answer.json()
    assert state["clock"] == {"now": format_go(simulator.world.present), "rate": 0.0}
    assert state["outputs"]["visible"] == len(simulator.world.visible())
    assert state["outputs"]["ever"] > state["outputs"]["visible"]
    assert (state["requests"]["pages"], state["requests"]["images"]) == (1, 1)
    assert simulator.requests.queries == ["per_page=3"]
    _, state = await post(client, "requests/reset")
    assert set(state["requests"].values()) == {0}
    assert simulator.requests.queries == []


async def test_the_clock_moves_on_demand(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    _, state = await post(client, "clock/set", {"now": "2026-11-21T08:00:00Z"})
    assert state["clock"]["now"] == "2026-11-21T08:00:00Z"
    _, state = await post(client, "clock/advance", {"seconds": 1.5})
    assert state["clock"]["now"] == "2026-11-21T08:00:01.5Z"


async def test_faults_are_planned_on_demand(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    assert (await post(client, "faults/api", {"status": 503, "times": 2, "retry_after": "1"}))[0] == 200
    assert (await post(client, "faults/image", {"file_name": "a.png", "manner": "truncated"}))[0] == 200
    assert (await post(client, "faults/image", {"status": 403}))[0] == 200
    assert simulator.faults.strike_api() == Fault(status=503, times=2, retry_after="1")
    assert simulator.faults.strike_image("a.png") == Fault(Manner.TRUNCATED)
    assert simulator.faults.strike_image("b.png") == Fault(status=403)
    await post(client, "faults/clear")
    assert simulator.faults.strike_api() is None


async def test_outputs_can_be_read_and_changed(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    async def truth() -> list[dict[str, str]]:
        async with client.get("/_simulator/outputs") as answer:
            outputs: list[dict[str, str]] = await answer.json()
            return outputs

    visible = simulator.world.visible()
    assert await truth() == [{"id": row.id, "g": format_go(row.g), "o": format_go(row.o)} for row in visible]
    output = visible[3]
    assert (await post(client, f"outputs/{output.id}/upscale", {"at": "2026-11-21T08:00:00Z"}))[0] == 200
    assert (await post(client, f"outputs/{output.id}/favourite"))[0] == 200
    assert (await post(client, f"outputs/{output.id}/delete"))[0] == 200
    assert output.upscaled_at is not None
    assert format_go(output.upscaled_at) == "2026-11-21T08:00:00Z"
    assert output.is_favourite(simulator.clock.now())
    assert output.id not in {row["id"] for row in await truth()}
    async with client.get("/_simulator/outputs", params={"key": OTHER_KEY}) as answer:
        assert len(await answer.json()) == len(simulator.world.visible(key=OTHER_KEY))
    async with client.get("/_simulator/outputs", params={"key": "sc-none"}) as answer:
        assert answer.status == 404


async def test_a_share_of_the_outputs_can_be_deleted(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    before = len(simulator.world.visible())
    _, state = await post(client, "outputs/delete", {"share": 0.6, "image_too": True})
    assert state["outputs"]["visible"] == before - round(before * 0.6)
    _, state = await post(client, "outputs/delete", {"count": 2})
    assert state["outputs"]["visible"] == before - round(before * 0.6) - 2


async def test_hidden_outputs_are_counted_but_not_listed(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    _, before = await ask(client, per_page=300)
    _, state = await post(client, "outputs/hide", {"count": 4})
    _, hidden = await ask(client, per_page=300)
    assert (state["outputs"]["hidden"], hidden["total"]) == (4, before["total"])
    assert len(hidden["outputs"]) == len(before["outputs"]) - 4
    await post(client, "outputs/hide", {"count": 0})
    assert (await ask(client, per_page=300))[1]["outputs"] == before["outputs"]


async def test_fault_rates_are_set_and_cleared(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    _, state = await post(client, "faults/rates", {"rates": "pages.failing=1"})
    assert state["faults"] == "pages.failing=1"
    assert (await ask_status(client)) == 503
    _, state = await post(client, "faults/clear")
    assert state["faults"] == "none"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("clock/advance", {}, 400),
        ("clock/advance", {"seconds": "many"}, 400),
        ("clock/advance", {"seconds": 1e30}, 400),
        ("clock/advance", [], 400),
        ("clock/set", {"now": "noon"}, 400),
        ("clock/set", {"now": 12}, 400),
        ("faults/api", {"manner": "odd"}, 400),
        ("faults/api", {"kind": "odd"}, 400),
        ("faults/image", 7, 400),
        ("faults/rates", {"rates": "odd"}, 400),
        ("faults/rates", {}, 400),
        ("outputs/delete", {"share": 1.5}, 400),
        ("outputs/delete", {"share": "nan"}, 400),
        ("outputs/hide", {}, 400),
        ("outputs/none/delete", {}, 404),
        ("nothing", {}, 404),
    ],
)
async def test_an_invalid_request_is_refused(
    client: aiohttp.ClientSession, path: str, body: object, status: int
) -> None:
    async with client.post(f"/_simulator/{path}", data=json.dumps(body)) as answer:
        assert answer.status == status


@pytest.mark.slow
def test_as_a_program_it_serves_until_a_signal() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout is not None
        address = program.stdout.readline().strip()
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{address}/v1/image/generation/outputs", headers={"Authorization": f"Bearer {DEFAULT_KEY}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            page = json.load(answer)
            assert answer.headers["Date"] == "Sat, 21 Nov 2026 08:00:00 GMT"
        program.send_signal(signal.SIGTERM)
        rest, errors = program.communicate(timeout=20)
    finally:
        program.kill()
        program.wait(20)
    assert address.startswith("http://127.0.0.1:")
    assert page["total"] >= 45
    assert (program.returncode, rest, errors) == (0, "stopped\n", "")


@pytest.mark.parametrize("wrong", [{"density": "sparse"}, {"dialect": "klingon"}])
def test_unknown_names_are_refused_before_anything_starts(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="choose one of"):
        serve(outputs=10, days=1, **wrong)  # type: ignore[arg-type]


def test_without_pillow_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "stablecog_provider.simulator.images", raising=False)
    with pytest.raises(ConfigurationError, match=r"\[simulator\]"):
        serve(outputs=10, days=1)
