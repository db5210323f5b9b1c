"""Faults at a rate: reproducible, independent of order, close to the rate, and refused if they make no sense."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from stablecog_provider.simulator import fault_responses
from stablecog_provider.simulator.fault_rates import IMAGES, PAGES, FaultRates, Kind, share_of
from stablecog_provider.simulator.faults import Fault, Manner
from stablecog_provider.simulator.server import Simulator

from .conftest import ask

MANY = [f"{number}.jpeg" for number in range(2000)]
EVERYTHING = "failing=0.1,slow=0.2,broken=0.15,pages.refused=5%,images.refused=0.05,images.missing=10%"


def struck(rates: FaultRates, names: list[str], place: str = IMAGES) -> dict[str, Fault | None]:
    return {name: rates.strike(place, name) for name in names}


def test_the_same_seed_spoils_the_same_requests_in_any_order() -> None:
    first = struck(FaultRates.parse(EVERYTHING, 3), MANY)
    assert struck(FaultRates.parse(EVERYTHING, 3), MANY[::-1]) == first
    assert struck(FaultRates.parse(EVERYTHING, 4), MANY) != first


def test_each_attempt_is_decided_anew() -> None:
    rates = FaultRates.parse("images.failing=50%")
    attempts = [rates.strike(IMAGES, "a.jpeg") is None for _ in range(40)]
    assert set(attempts) == {True, False}


@pytest.mark.parametrize(("rate", "least", "most"), [("0", 0, 0), ("30%", 500, 700), ("1", 2000, 2000)])
def test_the_share_is_close_to_the_rate(rate: str, least: int, most: int) -> None:
    spoiled = [fault for fault in struck(FaultRates.parse(f"images.broken={rate}"), MANY).values() if fault]
    assert least <= len(spoiled) <= most


def test_a_kind_without_a_place_is_meant_for_both() -> None:
    rates = FaultRates.parse("failing=1")
    assert rates.strike(PAGES, "") == rates.strike(IMAGES, "a.jpeg") == Fault(status=503)
    rates = FaultRates.parse("images.failing=1")
    assert rates.strike(PAGES, "") is None


def test_every_kind_occurs() -> None:
    faults = set(struck(FaultRates.parse(EVERYTHING), MANY).values())
    assert {fault.status for fault in faults if fault and fault.manner is Manner.STATUS} == {503, 403, 404}
    assert {fault.manner for fault in faults if fault} >= {Manner.SLOW, Manner.SHORT, Manner.GARBLED, Manner.TRUNCATED}


def test_what_is_printed_can_be_parsed() -> None:
    rates = FaultRates.parse(EVERYTHING)
    assert FaultRates.parse(str(rates)).shares == rates.shares
    assert str(FaultRates.parse("none")) == str(FaultRates()) == "none"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        ("failing", "'failing'"),
        ("failing=", "''"),
        ("failing=110%", "'110%'"),
        ("failing=-1", "'-1'"),
        ("failing=nan", "'nan'"),
        ("odd=1", "'odd=1'"),
        ("people.failing=1", "'people.failing=1'"),
        ("pages.missing=1", "pages cannot be missing"),
        ("images.looped=1", "images cannot be looped"),
        ("failing=1,pages.failing=1", "given twice"),
        ("failing=60%,images.slow=0.5", "images add up to 110%"),
    ],
)
def test_what_makes_no_sense_is_named(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        FaultRates.parse(text)


def test_shares_are_numbers_or_percentages() -> None:
    assert [share_of(text) for text in ("0", "0.25", "25%", " 100% ")] == [0, 0.25, 0.25, 1]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.SLOW, Kind.LOOPED)])
async def test_the_service_spoils_images(kind: Kind, simulator: Simulator, client: aiohttp.ClientSession) -> None:
    (output, *_) = simulator.world.visible()
    path = f"/images/{output.image_name}.{output.extension}"
    async with client.get(path) as answer:
        right = await answer.read()
    simulator.scene.rates = FaultRates.parse(f"images.{kind}=1")
    try:
        async with client.get(path) as answer:
            spoiled = (answer.status, await answer.read()) != (200, right)
    except aiohttp.ClientError:
        spoiled = True
    assert spoiled
    assert simulator.requests.faults == 1
    assert (await ask(client))[0] == 200


async def test_a_slow_answer_is_right_and_waits(
    simulator: Simulator, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = await ask(client, order="asc")
    simulator.scene.rates = FaultRates.parse("pages.slow=1")
    monkeypatch.setattr(fault_responses, "SLOW_SECONDS", 0.0)
    assert await ask(client, order="asc") == right
    monkeypatch.setattr(fault_responses, "SLOW_SECONDS", 3600.0)
    waiting = asyncio.create_task(ask(client))
    simulator.scene.stopping.set()
    assert (await waiting)[0] == 200
