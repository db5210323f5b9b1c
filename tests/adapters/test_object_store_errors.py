"""What the S3 store makes of everything that a server, a network or a setting can do to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import inspect
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import boto3
import pytest
from aiohttp import web
from botocore.credentials import ReadOnlyCredentials
from demo.servers import HOST, S3Server
from obstore import exceptions

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.store_errors import translate
from stablecog_provider.archive.ports import Absent, Conflict, ObjectStore, Unchanged
from stablecog_provider.errors import (
    ArchiveError,
    BucketMissing,
    ConfigurationError,
    CredentialsRejected,
    StoreUnavailable,
)

from .conftest import NO_RETRIES, http_server, s3_store

SECRETS = ("test-secret-key", "demo-secret-key", "X-Amz-Signature", "Debug source", "StringToSign")

EXPECTED: dict[type[Exception], type[Exception]] = {
    exceptions.BaseError: StoreUnavailable,
    exceptions.GenericError: StoreUnavailable,
    exceptions.NotFoundError: BucketMissing,
    exceptions.InvalidPathError: ConfigurationError,
    exceptions.JoinError: StoreUnavailable,
    exceptions.NotSupportedError: ConfigurationError,
    exceptions.AlreadyExistsError: Conflict,
    exceptions.PreconditionError: Conflict,
    exceptions.NotModifiedError: Conflict,
    exceptions.PermissionDeniedError: CredentialsRejected,
    exceptions.UnauthenticatedError: CredentialsRejected,
    exceptions.UnknownConfigurationKeyError: ConfigurationError,
    FileNotFoundError: BucketMissing,
    ValueError: ConfigurationError,
}


def test_every_error_class_of_obstore_has_a_translation() -> None:
    known = {item for _, item in inspect.getmembers(exceptions, inspect.isclass) if issubclass(item, Exception)}
    assert known - set(EXPECTED) == set()


@pytest.mark.parametrize(("raised", "expected"), EXPECTED.items(), ids=lambda item: item.__name__)
def test_each_error_class_is_translated(raised: type[Exception], expected: type[Exception]) -> None:
    translated = translate(raised("something went wrong"), "s3://archive/key", conditional=True)
    assert type(translated) is expected
    assert "s3://archive/key" in str(translated)
    if isinstance(translated, ArchiveError):
        assert "something went wrong" in translated.message
        assert translated.way_out


@pytest.mark.parametrize(
    "raised", [exceptions.AlreadyExistsError, exceptions.PreconditionError, exceptions.NotModifiedError]
)
def test_a_conflict_without_a_condition_is_trouble_of_the_store(raised: type[Exception]) -> None:
    assert type(translate(raised("409"), "s3://archive/key")) is StoreUnavailable


def xml(code: str, message: str = "said so") -> str:
    return (
        f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>"
        "<StringToSign>AWS4-HMAC-SHA256 geheim</StringToSign></Error>"
    )


async def operate(store: ObjectStore, operation: str) -> object:
    match operation:
        case "get":
            return await store.get("k")
        case "put":
            return await store.put("k", b"x", content_type="text/plain")
        case "create":
            return await store.put("k", b"x", content_type="text/plain", condition=Absent())
        case "delete":
            return await store.delete("k")
        case "list":
            return [item async for item in store.list("k/")]
    raise AssertionError(operation)


ALL = ["get", "put", "create", "delete", "list"]


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (301, "PermanentRedirect", ConfigurationError),
        (400, "AuthorizationHeaderMalformed", ConfigurationError),
        (400, "ExpiredToken", CredentialsRejected),
        (400, "BadDigest", StoreUnavailable),
        (400, "InvalidArgument", ConfigurationError),
        (401, "Unauthorized", CredentialsRejected),
        (403, "AccessDenied", CredentialsRejected),
        (403, "RequestTimeTooSkewed", CredentialsRejected),
        (403, "SignatureDoesNotMatch", CredentialsRejected),
        (404, "NoSuchBucket", BucketMissing),
        (405, "MethodNotAllowed", ConfigurationError),
        (429, "TooManyRequests", StoreUnavailable),
        (500, "InternalError", StoreUnavailable),
        (501, "NotImplemented", ConfigurationError),
        (503, "SlowDown", StoreUnavailable),
        (507, "InsufficientStorage", StoreUnavailable),
    ],
)
async def test_each_answer_of_a_server(status: int, code: str, expected: type[Exception], operation: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=xml(code))

    async with http_server(answer) as address:
        server = S3Server(f"http://{address}", "test-access-key", "test-secret-key")
        with pytest.raises(ArchiveError) as raised:
            await operate(s3_store(server, retries=NO_RETRIES), operation)
    assert type(raised.value) is expected
    assert "s3://archive/k" in raised.value.message
    assert_presentable(raised.value)


def assert_presentable(error: ArchiveError) -> None:
    assert not any(secret in str(error) for secret in (*SECRETS, "geheim"))
    assert len(error.message) < 300
    assert "\n" not in str(error)
    assert error.__cause__ is None  # whose text would be obstore's own
    assert error.way_out


async def test_the_reason_that_the_store_gives_is_passed_on() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=403, text=xml("AccessDenied", "User bob may not s3:PutObject"))

    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES)
        with pytest.raises(CredentialsRejected, match="403 AccessDenied User bob may not s3:PutObject"):
            await operate(store, "put")


@pytest.mark.parametrize("operation", ALL)
async def test_a_server_that_cannot_be_reached(operation: str) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound, and nobody listens
        server = S3Server(f"http://{HOST}:{taken.getsockname()[1]}", "test-access-key", "test-secret-key")
        with pytest.raises(StoreUnavailable, match="Connection refused") as raised:
            await operate(s3_store(server, retries=NO_RETRIES), operation)
    assert_presentable(raised.value)


async def test_a_server_that_does_not_answer() -> None:
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with http_server(answer) as address:
        server = S3Server(f"http://{address}", "a", "b")
        store = s3_store(server, retries=NO_RETRIES, timeout=timedelta(milliseconds=50))
        with pytest.raises(StoreUnavailable, match="no answer in time"):
            await operate(store, "put")
        released.set()


async def test_a_request_that_fails_once_is_repeated_by_the_store() -> None:
    statuses = iter([503, 200])

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=next(statuses), headers={"ETag": '"v1"'})

    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"))
        assert await operate(store, "put") == '"v1"'


async def test_a_large_body_is_one_request() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path_qs} {len(await request.read())}")
        return web.Response(headers={"ETag": '"v1"'})

    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES)
        await store.put("k", b"x" * 6_000_000, content_type="text/plain")
    assert asked == ["PUT /archive/k 6000000"]


async def test_a_store_without_etags_is_refused() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=200)

    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES)
        with pytest.raises(ArchiveError) as raised:
            await operate(store, "put")
    assert isinstance(raised.value, ConfigurationError | StoreUnavailable)
    assert "etag" in raised.value.message.lower()


@pytest.fixture
async def ceph_like() -> AsyncIterator[str]:
    """A server that compares If-Match with the bare tag, as Ceph does; the object stands at "v1"."""

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("If-Match") == "v1":
            return web.Response(headers={"ETag": '"v2"'})
        return web.Response(status=412, text=xml("PreconditionFailed"))

    async with http_server(answer) as address:
        yield f"http://{address}"


async def test_a_store_that_wants_bare_tags_is_understood(ceph_like: str) -> None:
    store = s3_store(S3Server(ceph_like, "a", "b"), retries=NO_RETRIES)
    assert await store.put("k", b"", content_type="text/plain", condition=Unchanged('"v1"')) == '"v2"'
    with pytest.raises(Conflict):
        await store.put("k", b"", content_type="text/plain", condition=Unchanged('"v0"'))


async def test_a_wrong_secret_is_rejected_by_a_real_server(seaweedfs_server: S3Server) -> None:
    server = S3Server(seaweedfs_server.endpoint, seaweedfs_server.access_key, "test-secret-key")
    with pytest.raises(CredentialsRejected, match="SignatureDoesNotMatch") as raised:
        await operate(s3_store(server), "get")
    assert_presentable(raised.value)


@pytest.mark.parametrize("operation", ALL)
async def test_a_missing_bucket_at_real_servers(
    seaweedfs_server: S3Server, moto_server: S3Server, operation: str
) -> None:
    for server in (seaweedfs_server, moto_server):
        with pytest.raises(BucketMissing, match="s3://no-such-bucket/k"):
            await operate(s3_store(server, "no-such-bucket", retries=NO_RETRIES), operation)


async def test_the_server_checks_the_bodies_sha256(seaweedfs_server: S3Server) -> None:
    await s3_store(seaweedfs_server).put("checked", b"body", content_type="text/plain")
    head = seaweedfs_server.client().head_object(Bucket="archive", Key="checked", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"body").digest()).decode()


class Refreshing:
    """A boto3 session's credentials that change, as those of an assumed role do."""

    def __init__(self, access_keys: list[str]) -> None:
        self._keys = iter(access_keys)

    def get_frozen_credentials(self) -> object:
        return ReadOnlyCredentials(next(self._keys), "secret", None)


async def test_the_session_is_asked_for_its_credentials() -> None:
    used: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        used.append(request.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        return web.Response(headers={"ETag": '"v"'})

    session = boto3.session.Session(region_name="eu-central-1")
    session._session._credentials = Refreshing(["key-one"])
    async with http_server(answer) as address:
        store = S3ObjectStore("archive", session=session, endpoint_url=f"http://{address}")
        await operate(store, "put")
    assert used == ["key-one"]


def test_a_session_without_credentials_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.session.Session(region_name="eu-central-1")
    monkeypatch.setattr(session, "get_credentials", lambda: None)
    with pytest.raises(CredentialsRejected, match="no AWS credentials for bucket archive"):
        S3ObjectStore("archive", session=session, endpoint_url="http://127.0.0.1:1")


@pytest.mark.parametrize("endpoint", ["ftp://x", "127.0.0.1:9000", "http://user:geheim@host", "http://host/?geheim=1"])
def test_an_endpoint_that_is_no_plain_address_is_refused(endpoint: str) -> None:
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
def test_aws_is_asked_where_boto3_says(bucket: str, region: str, address: str) -> None:
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


async def test_the_environments_endpoint_counts_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(headers={"ETag": '"v"'})

    async with http_server(answer) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{address}")
        store = S3ObjectStore("archive", session=boto3.session.Session("a", "b"))
        assert await operate(store, "put") == '"v"'


def test_the_repr_shows_no_secret(seaweedfs_server: S3Server) -> None:
    assert seaweedfs_server.secret_key not in repr(s3_store(seaweedfs_server)) + repr(seaweedfs_server)


async def test_a_delete_is_repeated_over_a_broken_connection() -> None:
    """Unlike a conditional write, it is harmless, and obstore leaves it at one attempt."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        if len(seen) < 3 and request.transport:
            request.transport.close()
        return web.Response(status=204)

    async with http_server(answer) as address:
        await operate(s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES), "delete")
    assert seen == ["DELETE"] * 3


async def test_credentials_that_expired_are_to_be_renewed() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=400, text=xml("ExpiredToken", "The provided token has expired."))

    async with http_server(answer) as address:
        with pytest.raises(CredentialsRejected, match=r"ExpiredToken .* -> the credentials have expired: renew them"):
            await operate(s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES), "put")
