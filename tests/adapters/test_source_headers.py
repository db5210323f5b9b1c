"""Headers for a gateway: parsed strictly, and no message quotes a value."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.source_headers import checked_headers, parse_headers, secrets_of
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.errors import ConfigurationError
from support.played_server import ADDRESS, KEY

SECRET = "gateway-5ecret-0815"


@pytest.mark.parametrize(
    ("lines", "headers"),
    [
        ([f"X-Key: {SECRET}"], (("X-Key", SECRET),)),
        ([f"x-key:{SECRET}"], (("x-key", SECRET),)),
        ([f"  X-Key :  {SECRET}\r"], (("X-Key", SECRET),)),
        (["", f"X-Key: {SECRET}", " ", "User-Agent: ours"], (("X-Key", SECRET), ("User-Agent", "ours"))),
        (["X-Route: https://a:1/b?c=d"], (("X-Route", "https://a:1/b?c=d"),)),
        (["Cookie: a=b; c=d"], (("Cookie", "a=b; c=d"),)),
        ([], ()),
    ],
)
def test_a_header_is_a_name_and_a_value(lines: list[str], headers: tuple[tuple[str, str], ...]) -> None:
    assert parse_headers(lines) == headers


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([SECRET], "no colon"),
        ([f"X-Key={SECRET}"], "no colon"),
        ([f": {SECRET}"], "no valid name"),
        ([f"X Key: {SECRET}"], "no valid name"),
        ([f"Bearer {SECRET}: x"], "no valid name"),
        ([f"Schlüssel: {SECRET}"], "no valid name"),
        ([f"{SECRET}:"], "empty value"),
        ([f"X-Key: {SECRET}\x00"], "characters that no header"),
        ([f"X-Key: {SECRET}\nHost: evil"], "characters that no header"),
        ([f"X-Key: {SECRET}é"], "characters that no header"),
        ([f"X-Key: {SECRET}", "x-KEY: other"], "given twice"),
        ([f"Authorization: Bearer {SECRET}"], "it carries the API key"),
        ([f"HOST: {SECRET}"], "it is that of the address"),
        ([f"Proxy-Authorization: Basic {SECRET}"], "HTTPS_PROXY"),
        ([f"Content-Length: {SECRET}"], "the archive sets it"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_quoting_it(lines: list[str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as raised:
        parse_headers(lines)
    assert SECRET not in str(raised.value)
    assert raised.value.hint


def test_the_library_is_as_strict() -> None:
    with pytest.raises(ConfigurationError, match="it carries the API key"):
        StablecogApi(ADDRESS, KEY, headers=(("authorization", SECRET),))


def test_the_words_of_a_value_are_secret_too_and_the_longest_is_hidden_first() -> None:
    headers = checked_headers([("X-A", f"Bearer {SECRET}"), ("X-B", "on")])
    assert secrets_of(headers) == (f"Bearer {SECRET}", SECRET)
