"""The simulator over HTTP: pages, errors, rate limit and time."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import aiohttp
import pytest

from simulator.conftest import LISTING, ask, bearer
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator import api
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED
from stablecog_provider.simulator.faults import Fault, Manner, RateLimit
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import BANNED_KEY, DEFAULT_KEY, OTHER_KEY, World


async def test_a_page_in_the_current_dialect(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    status, page = await ask(client)
    visible = simulator.world.visible()
    assert status == 200
    assert page["total"] == len(visible)
    assert [output["id"] for output in page["outputs"]] == [output.id for output in reversed(visible[-50:])]


async def test_a_page_in_the_documented_dialect(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    simulator.dialect = DOCUMENTED
    _, page = await ask(client, per_page=7)
    assert page["total_count"] == len(simulator.world.visible())
    assert page["next"] == page["outputs"][-1]["generation"]["created_at"]


async def test_walking_it_over_http_by_next_loses_rows() -> None:
    world = World.generate(outputs=1000, days=0)
    async with Simulator(world) as simulator, aiohttp.ClientSession(simulator.address) as client:
        _, page = await ask(client)
        read = {output["id"] for output in page["outputs"]}
        while "next" in page:
            _, page = await ask(client, cursor=page["next"])
            read |= {output["id"] for output in page["outputs"]}
    missing = {output.id for output in world.visible()} - read
    assert missing


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer sc-unknown", f"Basic {DEFAULT_KEY}", DEFAULT_KEY])
async def test_no_answer_without_a_good_key(client: aiohttp.ClientSession, header: str | None) -> None:
    async with client.get(LISTING, headers={"Authorization": header} if header else {}) as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "Unauthorized"})


async def test_a_banned_account_is_unauthorized(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    async with client.get(LISTING, headers=bearer(BANNED_KEY)) as answer:
        assert answer.status == 401
    assert simulator.requests.unauthorized == 1


async def test_each_key_opens_its_own_account(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    async with client.get(LISTING, headers=bearer(OTHER_KEY)) as answer:
        page = await answer.json()
    assert page["total"] == len(simulator.world.visible(key=OTHER_KEY))


@pytest.mark.parametrize(
    "wrong",
    [
        {"per_page": "0"},
        {"per_page": "301"},
        {"per_page": "many"},
        {"per_page": "-1"},
        {"cursor": "yesterday"},
        {"order": "up"},
        {"start_dt": "2026-11-21"},
        {"end_dt": "now"},
    ],
)
async def test_a_bad_parameter_is_refused(
    simulator: Simulator, client: aiohttp.ClientSession, wrong: dict[str, str]
) -> None:
    status, body = await ask(client, **wrong)
    assert status == 400
    assert body["error"]
    assert simulator.requests.refused == 1


async def test_the_count_honours_dates_and_the_listing_does_not(
    simulator: Simulator, client: aiohttp.ClientSession
) -> None:
    visible = simulator.world.visible()
    first, last = visible[10].g.isoformat(), visible[40].g.isoformat()
    _, page = await ask(client, per_page=1, start_dt=first, end_dt=last)
    assert page["total"] == sum(visible[10].g <= output.g <= visible[40].g for output in visible)
    assert page["outputs"][0]["id"] == visible[-1].id
    _, page = await ask(client, start_dt="2199-01-01T00:00:00Z", end_dt="2199-01-02T00:00:00Z")
    assert page["total"] == 0
    simulator.dialect = replace(CURRENT, counts_by_date=False)
    _, page = await ask(client, start_dt="2199-01-01T00:00:00Z")
    assert page["total"] == len(visible)


async def test_all_responses_have_the_simulated_time(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    expected = simulator.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
    for path, key in (
        (LISTING, DEFAULT_KEY),
        (LISTING, "sc-wrong"),
        ("/images/none.png", ""),
        ("/_simulator/state", ""),
    ):
        async with client.get(path, headers=bearer(key)) as answer:
            assert answer.headers.getall("Date") == [expected]


async def test_later_outputs_appear_when_the_clock_is_advanced() -> None:
    world = World.empty()
    late, early = world.add(world.present, world.present + timedelta(seconds=200), world.present + timedelta(seconds=5))
    async with Simulator(world) as simulator, aiohttp.ClientSession(simulator.address) as client:
        seen = []
        for step in (0, 5, 195):
            simulator.clock.advance(step)
            _, page = await ask(client)
            seen.append({output["id"] for output in page["outputs"]})
    assert seen == [set(), {early.id}, {early.id, late.id}]


async def test_the_rate_limit_answers_in_plain_text() -> None:
    simulator = Simulator(World.empty(), rate_limit=2)
    assert simulator.scene.rate_limit is not None
    simulator.scene.rate_limit = RateLimit(simulator.scene.rate_limit.limit, ticker=lambda: 0.0)
    answers = []
    async with simulator, aiohttp.ClientSession(simulator.address) as client:
        for _ in range(3):
            async with client.get(LISTING, headers=bearer()) as answer:
                answers.append((answer.status, answer.content_type, dict(answer.headers), await answer.text()))
    assert [answer[0] for answer in answers] == [200, 200, 429]
    assert simulator.requests.limited == 1
    status, content_type, headers, body = answers[-1]
    assert (status, content_type, body) == (429, "text/plain", "Too Many Requests\n")
    assert int(headers["Retry-After"]) == 1
    assert headers["X-RateLimit-Limit"] == "2"
    assert headers["X-RateLimit-Remaining"] == "0"
    assert int(headers["X-RateLimit-Reset"]) > 0


async def test_errors_come_on_cue_and_go(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    simulator.faults.on_api(Fault(status=500))
    simulator.faults.on_api(Fault(status=503, retry_after="7"))
    assert await ask(client) == (500, {"error": "Error getting generations"})
    async with client.get(LISTING, headers=bearer()) as answer:
        assert (answer.status, answer.headers["Retry-After"], answer.content_type) == (503, "7", "text/plain")
    assert (await ask(client))[0] == 200
    assert simulator.requests.faults == 2


async def test_broken_answers_of_the_listing(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    # aiohttp's client retries by itself if a reused connection breaks.
    simulator.faults.on_api(Fault(Manner.DROPPED, times=None))
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(client)
    simulator.faults.clear()
    simulator.faults.on_api(Fault(Manner.GARBLED))
    async with client.get(LISTING, headers=bearer()) as answer:
        assert answer.status == 200
        assert (await answer.text()).startswith("<html>")


async def test_a_stalled_answer_ends_when_the_simulator_stops() -> None:
    simulator = await Simulator(World.empty()).start()
    simulator.faults.on_api(Fault(Manner.STALLED))
    async with aiohttp.ClientSession(simulator.address, timeout=aiohttp.ClientTimeout(total=0.2)) as client:
        with pytest.raises(TimeoutError):
            await client.get(LISTING, headers=bearer())
    await simulator.stop()
    assert simulator.requests.pages == 1


async def test_the_key_is_in_no_log(
    simulator: Simulator, client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await ask(client)
    await ask(client, per_page=0)
    simulator.faults.on_api(Fault(status=500))
    await ask(client)
    # Not even if the simulator itself fails and aiohttp logs the traceback.
    simulator.dialect = None  # type: ignore[assignment]
    async with client.get(LISTING, headers=bearer()) as answer:
        assert answer.status == 500
    assert "Error handling request" in caplog.text
    assert DEFAULT_KEY not in caplog.text
    assert not [record for record in caplog.records if record.name == "aiohttp.access"]


async def test_latency_applies_to_pages_and_images_but_not_to_control(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(api, "asyncio", SimpleNamespace(sleep=sleep))
    world = World.generate(outputs=1, days=1)
    image = world.visible()[0].file_name(Rendition.ORIGINAL)
    async with Simulator(world, latency=3600.0) as slow:
        for path, expected in ((LISTING, [3600.0]), (f"/images/{image}", [3600.0]), ("/_simulator/state", [])):
            async with client.get(f"{slow.address}{path}", headers=bearer()) as answer:
                assert answer.status == 200
            assert waited == expected, path
            waited.clear()
