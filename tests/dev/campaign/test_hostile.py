"""Hostile input: a slice of the campaign, and that its traps would notice."""

from __future__ import annotations

from random import Random

import pytest

from dev.campaign.hostile import section as hostile
from dev.campaign.hostile.answers import ANSWERS, Answer
from dev.campaign.hostile.proxy_answers import PROXY_ANSWERS
from dev.campaign.hostile.rebinding import rebound, try_rebinding
from dev.campaign.hostile.routes import IMAGES, ROUTES, try_routes
from dev.campaign.hostile.vectors import tricks_with, vectors
from dev.campaign.rig.listeners import HOST, Canary
from dev.campaign.rig.lying_service import run_spoiled
from stablecog_provider.errors import ArchiveError

QUICK = (
    "listing: a compressed bomb", "listing: a bomb in a bomb", "listing: 10^6 empty outputs", "listing: deep lists",
    "listing: headers without end", "listing: a date of the year 9999", "listing: an error that paints the terminal",
    "document: ids that climb", "document: ids with an escape", "document: NaN everywhere", "document: one id on many days",
    "document: instants after the end", "document: prompts with text directions", "document: nothing at all",
    "image: an image that redirects to itself", "image: a redirect to bytes", "image: a coding that paints the terminal",
    "proxy: CONNECT leads elsewhere", "proxy: CONNECT is followed by an image in plain", "proxy: CONNECT is no HTTP, over TLS",
    "proxy: a portal", "proxy: a login elsewhere, by a proxy over TLS", "proxy: a certificate of another host, CONNECT",
)  # fmt: skip


async def test_no_vector_leads_inside() -> None:
    tally = await hostile.try_vectors(Random(1), 1000)
    assert tally.faults == []
    assert tally.leaked == 0
    assert tally.tried > 200


async def test_no_vector_leads_inside_over_tls_or_a_proxy() -> None:
    tally = await try_routes(Random(1), 40)
    assert tally.faults == []
    assert tally.leaked == 0
    assert tally.tried == 40 * len(ROUTES)


def test_no_name_that_is_bound_anew_leads_inside() -> None:
    tally = try_rebinding()
    assert tally.faults == []
    assert tally.leaked == 0
    if tally.notes:
        pytest.skip(tally.notes[0])
    assert tally.tried == len(rebound()) > 50


def test_a_proxy_gets_every_kind_of_vector() -> None:
    found = tricks_with(IMAGES, 1)
    assert sum(vector.redirects for vector in found) * 2 == len(found) > 8
    assert all(IMAGES in vector.url and "127.0.0.1:1" in vector.url for vector in found)


def test_there_are_vectors_of_every_kind() -> None:
    found = vectors(1)
    assert len({vector.name for vector in found}) == len(found)
    assert sum(vector.redirects for vector in found) > 100
    assert sum(bool(vector.answers) for vector in found) > 30


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if not at % 6 else pytest.mark.long) for at, each in enumerate(QUICK)]
)
async def test_a_hostile_answer_ends_in_rows_or_a_named_error(name: str) -> None:
    (answer,) = (each for each in (*ANSWERS, *PROXY_ANSWERS) if each.name == name)
    tally = await hostile.try_answers([answer])
    assert tally.faults == []


def test_every_hostile_answer_has_a_name_of_its_own() -> None:
    found = [*ANSWERS, *PROXY_ANSWERS]
    assert len({answer.name for answer in found}) == len(found) > 150


async def test_the_canary_records_connections() -> None:
    async with Canary() as canary:

        def lead_there(document: dict[str, list[dict[str, object]]]) -> None:
            for output in document["outputs"]:
                output["image_url"] = f"http://{HOST}:{canary.port}/a.jpeg"

        # An allowed host may be contacted, so the canary must record it.
        await run_spoiled(1, lead_there, image_hosts=[f"{HOST}:{canary.port}"])
        assert canary.received
        assert canary.received[0].startswith(b"GET /a.jpeg")


async def test_an_unexpected_exception_or_a_problem_is_a_fault() -> None:
    async def fails() -> str:
        raise RuntimeError("a bug")

    async def paints() -> str:
        return "a message is unprintable"

    async def is_refused() -> str:
        raise ArchiveError("refused")

    answers = [Answer("a", fails), Answer("b", paints), Answer("c", is_refused)]
    tally = await hostile.try_answers(answers)
    assert [fault.split(":")[0] for fault in tally.faults] == ["a", "b", "c"]
    assert not tally.clean
