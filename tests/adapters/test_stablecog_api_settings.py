"""The address, the key and the rate that the client of the API takes, and whom it never shows the key."""

from __future__ import annotations

import logging

import pytest

from stablecog_provider.errors import ConfigurationError, SourceUnavailable
from stablecog_provider.model.page import PageQuery
from support.played_server import KEY, Server, api, failure, page, refusal


@pytest.mark.parametrize(
    ("address", "spelled"),
    [
        ("https://API.Stablecog.com/", "https://api.stablecog.com"),
        ("api.stablecog.com", "https://api.stablecog.com"),
        ("https://api.stablecog.com:443", "https://api.stablecog.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://simulator:8080", "http://simulator:8080"),
    ],
)
def test_an_address_has_one_spelling(address: str, spelled: str) -> None:
    assert api(Server(page()), address=address, plain_http_hosts=["Simulator:8080"]).address == spelled


@pytest.mark.parametrize(
    "address",
    [
        "",
        "   ",
        "https://",
        "ftp://api.stablecog.com",
        "http://api.stablecog.com",
        "http://127.0.0.1.evil.example",
        "http://simulator:8081",
        f"https://{KEY}@api.stablecog.com",
        f"https://api.stablecog.com?key={KEY}",
        "https://api.stablecog.com#x",
        "https://api.stablecog.com:port",
        "https://api.stablecog.com\nHost: evil",
    ],
)
def test_an_address_that_could_betray_the_key_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        api(Server(page()), address=address, plain_http_hosts=["simulator:8080"])
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["", " ", f"{KEY}\n", f"{KEY}\r\nX: y", "clé", f"Bearer {KEY}"])
def test_a_key_that_fits_no_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="STABLECOG_API_KEY") as caught:
        api(Server(page()), api_key=key)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("rate", [0, -1, 10, float("nan"), float("inf")])
def test_a_rate_at_or_above_the_limit_of_the_service_is_refused(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="requests per second"):
        api(Server(page()), requests_per_second=rate)


async def test_a_redirect_is_not_followed() -> None:
    server = Server(refusal(302, headers={"Location": "https://evil.example/"}))
    assert isinstance(await failure(server), ConfigurationError)
    assert [request.url.host for request in server.asked] == ["api.stablecog.com"]


async def test_the_key_is_nowhere_but_in_its_header(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = Server(refusal(500, json={"error": f"bad header Bearer {KEY}"}))
    async with api(server) as source:
        with pytest.raises(SourceUnavailable) as caught:
            await source.page(PageQuery())
        shown = [repr(source), str(source), str(caught.value), caplog.text, *map(str, (r.url for r in server.asked))]
    assert "500" in caplog.text
    assert not [text for text in shown if KEY in text]
