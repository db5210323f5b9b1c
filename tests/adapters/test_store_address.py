"""How the bucket is addressed: as boto3 with the same settings does it."""

from __future__ import annotations

import os
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore import UNSIGNED
from botocore.config import Config

from adapters.conftest import http_server
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.store_address import store_address
from stablecog_provider.errors import ConfigurationError
from support.aws_services import Aws
from support.store_operations import operate

OWN = "https://s3.corp.test"
AWS = "s3.eu-west-1.amazonaws.com"


def styled(style: str) -> Config:
    options: dict[str, Any] = {"s3": {"addressing_style": style}}
    return Config(**options)


def boto3s(session: boto3.Session, bucket: str, endpoint_url: str | None, config: Config | None) -> str:
    """The address to which boto3 itself sends a request for an object."""
    client: Any = session.client("s3", endpoint_url=endpoint_url, config=config)
    sent: list[str] = []

    def note(request: Any, **_: object) -> Any:
        sent.append(request.url)
        raise InterruptedError

    client.meta.events.register("before-send.s3", note)
    with pytest.raises(InterruptedError):
        client.get_object(Bucket=bucket, Key="k")
    return sent[0].removesuffix("/k")


@pytest.mark.parametrize("bucket", ["archive", "dotted.name"])
@pytest.mark.parametrize(
    "endpoint_url", [None, OWN, "http://s3.corp.test:9000", "http://127.0.0.1:9", "http://[::1]:9"]
)
@pytest.mark.parametrize("style", [None, "auto", "path", "virtual"])
@pytest.mark.parametrize("by", ["profile", "config"])
def test_the_address_is_boto3s(by: str, style: str | None, endpoint_url: str | None, bucket: str, aws: Aws) -> None:
    config = styled(style) if style and by == "config" else None
    profile = f"s3 =\n  addressing_style = {style}\n" if style and by == "profile" else ""
    aws.configure(f"[default]\nregion = eu-west-1\naws_access_key_id = a\naws_secret_access_key = b\n{profile}")
    address = store_address(aws.session(), bucket, endpoint_url=endpoint_url, config=config)
    if style == "virtual" and "." in bucket and address.endpoint.endswith(":9"):
        # boto3 puts a dotted bucket in front of an IP address, which no machine can resolve.
        assert address.path_style
        return
    ours = f"{address.of(bucket)}/{bucket}" if address.path_style else address.of(bucket)
    assert ours == boto3s(aws.session(), bucket, endpoint_url, config)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, f"https://archive.{AWS}"),
        ({"AWS_ENDPOINT_URL": OWN}, OWN),
        ({"AWS_ENDPOINT_URL_S3": OWN}, OWN),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://archive.s3.dualstack.eu-west-1.amazonaws.com"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "https://archive.s3-fips.eu-west-1.amazonaws.com"),
    ],
)
def test_the_endpoint_of_the_environment(variables: dict[str, str], expected: str, aws: Aws) -> None:
    aws.configure("[default]\nregion = eu-west-1\n", **variables)
    assert store_address(aws.session(), "archive").of("archive") == expected


def test_no_credentials_are_loaded_for_an_address(aws: Aws) -> None:
    aws.configure("[default]\ncredential_process = /no/such/helper\n", AWS_ACCESS_KEY_ID="half-a-pair")
    assert store_address(aws.session(), "archive", endpoint_url=OWN).endpoint == OWN


async def test_a_store_with_buckets_in_its_host_name(aws: Aws) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(str(request.url))
        return web.Response(headers={"ETag": '"v"'})

    async with http_server(answer) as address:
        # The names of the bucket's host exist only behind this proxy.
        aws.configure("", HTTP_PROXY=f"http://{address}")
        config = Config(s3={"addressing_style": "virtual"})
        session = boto3.Session("a", "b", region_name="us-east-1")
        store = S3ObjectStore(
            "archive",
            session=session,
            endpoint_url="http://s3.corp.test",
            config=config,
            network=Network.of(os.environ),
        )
        await operate(store, "put")
    assert asked == ["http://archive.s3.corp.test/k"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"proxies": {"https": "http://user:geheim@proxy"}}, "proxies"),
        ({"proxies_config": {"proxy_ca_bundle": "geheim"}}, "proxies_config"),
        ({"client_cert": "geheim.pem"}, "client_cert"),
        ({"signature_version": UNSIGNED}, "signature_version"),
        ({"signature_version": "s3"}, "signature_version"),
        ({"s3": {"use_accelerate_endpoint": True}}, "s3.use_accelerate_endpoint"),
    ],
)
def test_a_setting_that_cannot_be_followed_is_refused_by_name(options: dict[str, Any], named: str) -> None:
    session = boto3.Session("a", "b", region_name="us-east-1")
    with pytest.raises(ConfigurationError) as raised:
        store_address(session, "archive", config=Config(**options))
    assert f"the AWS settings contain {named}, which" in raised.value.message
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("s3 =\n  use_accelerate_endpoint = true\n", "s3.use_accelerate_endpoint"),
        ("s3 =\n  signature_version = s3\n", "signature_version"),
    ],
)
def test_a_setting_of_the_profile_that_cannot_be_followed(text: str, named: str, aws: Aws) -> None:
    aws.configure(f"[default]\nregion = eu-west-1\n{text}")
    with pytest.raises(ConfigurationError, match=named):
        store_address(aws.session(), "archive")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_MAX_ATTEMPTS", "three"),
        ("AWS_RETRY_MODE", "sometimes"),
        ("AWS_DEFAULTS_MODE", "odd"),
        ("AWS_STS_REGIONAL_ENDPOINTS", "global"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "never"),
        ("AWS_ENDPOINT_URL_S3", "s3.corp.test"),
    ],
)
def test_a_variable_that_boto3_cannot_read_is_named(name: str, value: str, aws: Aws) -> None:
    aws.configure("", **{name: value})
    with pytest.raises(ConfigurationError) as raised:
        store_address(aws.session(), "archive")
    assert raised.value.message.startswith(f"{name} cannot be used: ")
    assert "endpoint cannot be" not in raised.value.message


@pytest.mark.parametrize("style", ["path", "virtual", None])
def test_an_address_of_the_environment_with_a_password_is_not_shown(style: str | None, aws: Aws) -> None:
    aws.configure("", AWS_ENDPOINT_URL="https://user:geheim@s3.corp.test")
    with pytest.raises(ConfigurationError, match="not a plain address") as raised:
        store_address(aws.session(), "archive", config=styled(style) if style else None)
    assert "geheim" not in str(raised.value)
