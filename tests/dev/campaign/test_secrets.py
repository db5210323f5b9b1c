"""The search for secrets finds canaries, and a slice of the campaign finds none."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote, quote_plus

import aiohttp
import pytest

from dev.campaign.rig.canaries import API_KEY, AWS_SECRET, CANARIES, GATEWAY, SESSION_TOKEN, leaks, text_of
from dev.campaign.rig.listeners import HOST, served
from dev.campaign.secrets.adapters import adapter_output
from dev.campaign.secrets.gateways import GATEWAYS
from dev.campaign.secrets.section import command_output, logged
from dev.campaign.secrets.stage import scenarios, stage

QUICK = ("all is well",)


@pytest.mark.parametrize("secret", CANARIES.values(), ids=list(CANARIES))
def test_a_secret_is_found_in_every_encoding(secret: str) -> None:
    spelt = [
        secret.encode(),
        quote(secret, safe="").encode(),
        quote_plus(secret).lower().encode()
        if quote_plus(secret).lower() == quote_plus(secret)
        else quote(secret).encode(),
        secret.encode().hex().encode(),
        base64.b64encode(secret.encode()),
        base64.b64encode(b"Bearer " + secret.encode()),
        base64.urlsafe_b64encode(b"user:" + secret.encode() + b"\n"),
    ]
    for written in spelt:
        assert leaks(b"before " + written + b" after"), written


def test_text_without_secrets_has_no_leaks() -> None:
    assert leaks(b"sc-" + b"0" * 64 + b" AKIA *** MaskSecret") == []


def test_a_leak_is_reported_without_the_secret() -> None:
    (leak,) = leaks(f"Authorization: Bearer {API_KEY}".encode())
    assert "the API key" in leak
    assert API_KEY not in leak


def test_the_search_follows_every_chain() -> None:
    def hidden() -> None:
        try:
            raise ValueError(AWS_SECRET)
        except ValueError:
            raise KeyError("hidden") from None

    with pytest.raises(KeyError) as caught:
        hidden()
    caught.value.add_note(SESSION_TOKEN)
    assert len(leaks(text_of(caught.value))) == 2


async def test_a_slice_of_the_campaign_finds_nothing(tmp_path: Path) -> None:
    with logged() as log:
        async with stage() as scene:
            chosen = [scenario for scenario in scenarios(tmp_path) if scenario.name in QUICK]
            assert len(chosen) == len(QUICK)
            for scenario in chosen:
                written = await command_output(scene, scenario)
                assert all(written[:2])
                assert [leak for each in written for leak in leaks(each)] == []
            # It archived something, so there was output to search.
            assert b"state='archived'" in await scene.kept("all-is-well")
    assert leaks(log.getvalue().encode()) == []


async def test_every_gateway_repeats_the_header() -> None:
    """Else the search would find nothing in what they wrote."""
    for name, script in GATEWAYS.items():
        async with (
            served(script) as port,
            aiohttp.ClientSession() as client,
            client.get(f"http://{HOST}:{port}", headers={"X-Gateway-Key": GATEWAY}, allow_redirects=False) as answer,
        ):
            written = await answer.read() + repr(answer.raw_headers).encode()
        assert leaks(written), name


async def test_no_chain_of_causes_and_no_repr_contains_a_secret() -> None:
    async with stage() as scene:
        found = await adapter_output(scene)
    assert len(found) > 10
    assert {name: leaks(written) for name, written in found if leaks(written)} == {}
