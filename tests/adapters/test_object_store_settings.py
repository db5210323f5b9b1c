"""The settings of the S3 store: sessions, endpoints and the environment, and which of them are never shown."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.credentials import ReadOnlyCredentials

from adapters.conftest import http_server, s3_store
from dev.local.s3_server import S3Server
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.errors import ConfigurationError, CredentialsRejected
from support.store_operations import operate


class Refreshing:
    """A boto3 session whose credentials change, like those of an assumed role."""

    def __init__(self, access_keys: list[str]) -> None:
        self._keys = iter(access_keys)

    def get_frozen_credentials(self) -> object:
        return ReadOnlyCredentials(next(self._keys), "secret", None)


class SessionOf(boto3.session.Session):
    """A session that returns the given credentials."""

    def __init__(self, credentials: Refreshing) -> None:
        super().__init__(region_name="eu-central-1")
        self._refreshing = credentials

    def get_credentials(self) -> Any:
        return self._refreshing


async def test_the_session_is_asked_for_its_credentials() -> None:
    used: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        used.append(request.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        return web.Response(headers={"ETag": '"v"'})

    session = SessionOf(Refreshing(["key-one"]))
    async with http_server(answer) as address:
        store = S3ObjectStore("archive", session=session, endpoint_url=f"http://{address}")
        await operate(store, "put")
    assert used == ["key-one"]


async def test_a_session_without_credentials_is_refused_by_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.session.Session(region_name="eu-central-1")
    monkeypatch.setattr(session, "get_credentials", lambda: None)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = S3ObjectStore("archive", session=session, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(
        CredentialsRejected, match="AWS credentials: Unable to locate credentials -> set AWS_ACCESS_KEY"
    ):
        await operate(store, "put")


@pytest.mark.parametrize(
    "endpoint", ["ftp://x", "127.0.0.1:9000", "http://user:geheim@host", "http://host/?geheim=1", "http://host:geheim"]
)
def test_an_endpoint_that_is_not_a_plain_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        s3_store(S3Server(endpoint, "a", "b"))
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize(
    ("bucket", "region", "address"),
    [
        ("archive", "eu-central-1", "https://archive.s3.eu-central-1.amazonaws.com"),
        ("dotted.name", "eu-central-1", "https://s3.eu-central-1.amazonaws.com"),
        ("archive", "cn-north-1", "https://archive.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_endpoint_of_aws_is_boto3s(bucket: str, region: str, address: str) -> None:
    session = boto3.session.Session("a", "b", region_name=region)
    store = S3ObjectStore(bucket, session=session)
    assert store.address == address


async def test_the_named_endpoint_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    signed: list[bool] = []

    async def answer(request: web.Request) -> web.Response:
        signed.append("Authorization" in request.headers)
        return web.Response(headers={"ETag": '"v"'})

    async with http_server(answer) as address:
        await operate(s3_store(S3Server(f"http://{address}", "a", "b")), "put")
    assert signed == [True]


async def test_the_environments_endpoint_is_used_if_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(headers={"ETag": '"v"'})

    async with http_server(answer) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{address}")
        store = S3ObjectStore("archive", session=boto3.session.Session("a", "b"))
        assert await operate(store, "put") == '"v"'


def test_the_repr_shows_no_secret(seaweedfs_server: S3Server) -> None:
    assert seaweedfs_server.secret_key not in repr(s3_store(seaweedfs_server)) + repr(seaweedfs_server)
