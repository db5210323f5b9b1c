"""Variables of the environment that a client of the store cannot read."""

from __future__ import annotations

import boto3
import pytest

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.unusable_settings import unusable_settings
from stablecog_provider.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_S3_EXPRESS", "true"),
        ("AWS_S3_EXPRESS", "maybe"),
        ("AWS_DISABLE_TAGGING", "x"),
        ("AWS_SERVER_SIDE_ENCRYPTION", "sse-c"),
        ("AWS_SERVER_SIDE_ENCRYPTION", "bogus"),
        ("AWS_COPY_IF_NOT_EXISTS", "header"),
        ("AWS_UNSIGNED_PAYLOAD", "q"),
        ("AWS_REQUEST_PAYER", "2"),
    ],
)
def test_a_variable_that_the_store_client_cannot_read_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    session = boto3.Session("a", "b", region_name="us-east-1")
    with pytest.raises(ConfigurationError) as raised:
        S3ObjectStore("archive", session=session, endpoint_url="http://127.0.0.1:1")
    assert raised.value.message.startswith(f"{name} cannot be used: ")
    assert "\n" not in raised.value.message
    assert "Debug" not in raised.value.message
    assert raised.value.__suppress_context__


def test_a_value_that_looks_like_a_secret_is_blanked_out() -> None:
    error = ValueError('failed to parse "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY" as boolean')
    translated = unusable_settings(error, {"AWS_X": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"})
    assert translated.message == 'AWS_X cannot be used: failed to parse "***" as boolean'


def test_a_value_within_a_word_does_not_name_its_variable() -> None:
    translated = unusable_settings(
        ValueError("failed to parse 'true-ish'"), {"AWS_A": "true", "AWS_B": " ", "C": "parse"}
    )
    assert translated.message.startswith("the AWS settings cannot be used: ")
