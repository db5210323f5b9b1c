"""The adapters put together: what is refused before any request."""

from __future__ import annotations

import boto3
import pytest

from stablecog_provider.adapters.assembly import SourceSettings, StoreSettings, open_ports, open_source, open_store
from stablecog_provider.errors import ConfigurationError
from stablecog_provider.model.object_keys import Layout
from support.airflow_canary import AWS_SECRET, KEY

LAYOUT = Layout("bucket", "prefix")


def store(verify: bool | str | None = None) -> StoreSettings:
    session = boto3.Session("access", AWS_SECRET, region_name="eu-west-1")
    return StoreSettings(session=session, endpoint_url="http://127.0.0.1:9", verify=verify)


async def test_ports_have_one_source_and_one_bucket() -> None:
    async with open_ports(SourceSettings(api_key=KEY), store(), LAYOUT) as ports:
        assert ports.source.address == "https://api.stablecog.com"
        assert (ports.source.requests, ports.store.requests) == (0, 0)


@pytest.mark.parametrize(
    ("verify", "message"), [(False, "remove `verify`"), ("bundle.pem", r"bundle\.pem cannot be read: No such file")]
)
async def test_a_certificate_setting_that_cannot_be_used_is_refused(verify: bool | str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        async with open_store(store(verify), LAYOUT):
            pytest.fail("it was opened")


@pytest.mark.parametrize("verify", [None, True])
async def test_the_default_certificate_check_is_accepted(verify: bool | None) -> None:
    async with open_store(store(verify), LAYOUT) as bucket:
        assert bucket.requests == 0


def test_an_api_over_plain_http_must_be_named() -> None:
    settings = SourceSettings(address="http://simulator:8080", api_key=KEY)
    with pytest.raises(ConfigurationError, match="unencrypted to simulator:8080"):
        open_source(settings)
    named = SourceSettings(address="http://simulator:8080", api_key=KEY, image_hosts=("simulator:8080",))
    assert open_source(named).address == "http://simulator:8080"


def test_no_setting_shows_a_secret() -> None:
    assert KEY not in repr(SourceSettings(api_key=KEY))
    assert AWS_SECRET not in repr(store())
