"""How the S3 store translates failures of servers and of the network."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from contextlib import suppress
from datetime import timedelta

import pytest
from aiohttp import web

from adapters.conftest import NO_RETRIES, http_server, s3_store
from dev.local.s3_server import HOST, S3Server
from stablecog_provider.errors import (
    ArchiveError,
    BucketMissing,
    ConfigurationError,
    CredentialsRejected,
    StoreUnavailable,
)
from support.store_operations import ALL, assert_presentable, operate, xml


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


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, ConfigurationError),
        (401, CredentialsRejected),
        (403, CredentialsRejected),
        (405, ConfigurationError),
        (429, StoreUnavailable),
        (500, StoreUnavailable),
        (501, ConfigurationError),
        (503, StoreUnavailable),
    ],
)
async def test_each_answer_to_head_which_has_no_body(status: int, expected: type[Exception]) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with http_server(answer) as address:
        server = S3Server(f"http://{address}", "test-access-key", "test-secret-key")
        with pytest.raises(ArchiveError) as raised:
            await operate(s3_store(server, retries=NO_RETRIES), "head")
    assert type(raised.value) is expected
    assert_presentable(raised.value)


async def test_the_message_of_the_store_is_quoted() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=403, text=xml("AccessDenied", "User bob may not s3:PutObject"))

    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES)
        with pytest.raises(CredentialsRejected, match="403 AccessDenied User bob may not s3:PutObject"):
            await operate(store, "put")


@pytest.mark.parametrize("operation", [*ALL, "head"])
async def test_a_server_that_cannot_be_reached(operation: str) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound, but nothing listens
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


async def test_a_store_without_etags_is_refused() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=200)

    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES)
        with pytest.raises(ArchiveError) as raised:
            await operate(store, "put")
    assert isinstance(raised.value, ConfigurationError | StoreUnavailable)
    assert "etag" in raised.value.message.lower()


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


async def test_expired_credentials_are_named_with_the_next_step() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=400, text=xml("ExpiredToken", "The provided token has expired."))

    async with http_server(answer) as address:
        with pytest.raises(CredentialsRejected, match=r"ExpiredToken .* -> the credentials have expired: renew them"):
            await operate(s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES), "put")


async def test_a_failed_write_frees_its_body_at_once() -> None:
    """Images share a budget of bytes: an error must not keep a body in memory until the garbage collector runs."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=503, text=xml("SlowDown"))

    body = bytes(100_000)
    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES)
        held = sys.getrefcount(body)
        gc.disable()
        try:
            for _ in range(20):
                # `pytest.raises` would keep the error, and with it the body.
                with suppress(StoreUnavailable):
                    await store.put("k", body, content_type="image/jpeg")
                    raise AssertionError("the server answers 503")
            # Each error that kept its body would count. On a busy machine, threads of obstore drop the last few a little later.
            assert sys.getrefcount(body) - held < 10
        finally:
            gc.enable()
