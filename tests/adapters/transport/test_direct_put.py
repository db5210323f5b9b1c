"""Which writes libcurl may do, what it sends, and that a setting it cannot follow goes through obstore."""

from __future__ import annotations

import base64
import hashlib
import inspect
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import obstore
import pytest
from aiohttp import web
from botocore.config import Config

from adapters.conftest import NO_RETRIES, HashedStore, http_server, no_sleep, s3_store
from adapters.network.legs import HOSTS, NAMES, hosts
from dev.local.authority import Authority
from dev.local.forward_proxy import forward_proxy
from dev.local.s3_server import S3Server
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.adapters.transport import direct_put
from stablecog_provider.archive.ports import Absent
from stablecog_provider.errors import ArchiveError, ConfigurationError, StoreUnavailable
from support.store_operations import assert_presentable, xml

BODY = b"\xff\xd8\xff" + bytes(range(256)) * 400
SHA256 = hashlib.sha256(BODY).hexdigest()
# What obstore may find in the environment without a difference for a PUT: boto3 or the store decide about it, or nothing does.
IRRELEVANT = {
    "access_key_id", "allow_http", "aws_endpoint_url_s3", "bucket", "checksum_algorithm", "conditional_put", "connect_timeout",
    "container_authorization_token_file", "container_credentials_full_uri", "container_credentials_relative_uri",
    "copy_if_not_exists", "default_region", "disable_bulk_delete", "disable_tagging", "endpoint", "expires_at", "http1_only",
    "http2_keep_alive_interval", "http2_keep_alive_timeout", "http2_keep_alive_while_idle", "imdsv1_fallback",
    "metadata_endpoint", "pool_idle_timeout", "pool_max_idle_per_host", "proxy_excludes", "proxy_url", "randomize_addresses",
    "region", "role_arn", "role_session_name", "secret_access_key", "session_token", "skip_signature", "sts_endpoint", "timeout",
    "token", "virtual_hosted_style_request", "web_identity_token_file",
}  # fmt: skip


@asynccontextmanager
async def recorder(status: int = 200, text: str = "") -> AsyncIterator[tuple[S3Server, list[web.Request]]]:
    """A store that answers every PUT alike; gives it, and the requests that it got."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        seen.append(request)
        return web.Response(status=status, text=text, headers={"ETag": '"v1"'})

    async with http_server(answer) as address:
        yield S3Server(f"http://{address}", "key", "secret"), seen


def hashed(server: S3Server, **settings: Any) -> HashedStore:
    return HashedStore("archive", session=server.session(), endpoint_url=server.endpoint, sleep=no_sleep, **settings)


async def put(store: HashedStore, key: str = "images/a.jpeg", **settings: Any) -> str:
    return await store.put(key, BODY, content_type="image/jpeg", metadata={"sha256": SHA256}, **settings)


async def test_what_an_image_is_written_with() -> None:
    async with recorder() as (server, (seen)):
        assert await put(hashed(server), condition=Absent()) == '"v1"'
    (request,) = seen
    assert (request.method, request.raw_path) == ("PUT", "/archive/images/a.jpeg")
    assert await request.read() == BODY
    sent = {name.lower(): value for name, value in request.headers.items()}
    signature = sent.pop("authorization")
    assert re.match(r"AWS4-HMAC-SHA256 Credential=key/\d{8}/us-east-1/s3/aws4_request, SignedHeaders=", signature)
    for name in ("content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-content-sha256", "x-amz-meta-sha256"):
        assert name in signature
    assert sent.pop("x-amz-date")
    assert sent.pop("user-agent").startswith("airflow-provider-stablecog/")
    assert sent.pop("host") in server.endpoint
    assert sent == {
        "content-length": str(len(BODY)),
        "content-type": "image/jpeg",
        "if-none-match": "*",
        "x-amz-content-sha256": SHA256,
        "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(SHA256)).decode(),
        "x-amz-meta-sha256": SHA256,
    }


async def test_a_session_token_is_sent_and_signed() -> None:
    async with recorder() as (server, seen):
        import boto3

        session = boto3.Session("key", "secret", "the-token", region_name="us-east-1")
        store = HashedStore("archive", session=session, endpoint_url=server.endpoint)
        await put(store)
    assert seen[0].headers["x-amz-security-token"] == "the-token"
    assert "x-amz-security-token" in seen[0].headers["Authorization"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "key",
    ["a/b.jpeg", "it's (mine)!*=_.-/x", "a=b,c;d/e", "ü/é ß.jpeg", "a b+c%2Fd&e?f#g", '[x]{y}|^`"<>~', "a/.b/c..d"],
)
async def test_every_key_is_signed_as_a_real_server_checks_it(key: str, seaweedfs_server: S3Server) -> None:
    key = f"signed/{key}"
    await put(hashed(seaweedfs_server), key)
    client = seaweedfs_server.client()
    assert client.get_object(Bucket="archive", Key=key)["Body"].read() == BODY
    head = client.head_object(Bucket="archive", Key=key, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == base64.b64encode(bytes.fromhex(SHA256)).decode()
    assert head["Metadata"] == {"sha256": SHA256}


@pytest.mark.slow
async def test_a_body_that_is_not_what_was_hashed_is_refused(seaweedfs_server: S3Server) -> None:
    with pytest.raises(ArchiveError) as raised:
        await s3_store(seaweedfs_server, retries=NO_RETRIES).put(
            "spoilt", BODY, content_type="image/jpeg", sha256=hashlib.sha256(b"other").hexdigest()
        )
    assert isinstance(raised.value, StoreUnavailable)
    listed = seaweedfs_server.client().list_objects_v2(Bucket="archive", Prefix="spoilt")
    assert listed["KeyCount"] == 0


async def test_a_bucket_in_the_host() -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(f"{request.host} {request.raw_path}")
        return web.Response(headers={"ETag": '"v1"'})

    async with http_server(answer) as address:
        # `*.localhost` is this machine, for libcurl as for browsers.
        place = address.replace("127.0.0.1", "localhost")
        await put(hashed(S3Server(f"http://{place}", "a", "b"), config=Config(s3={"addressing_style": "virtual"})))
    assert seen == [f"archive.{place} /images/a.jpeg"]


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_failure_that_may_pass_is_tried_again(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with recorder(status, xml("SlowDown")) as (server, seen):
        with pytest.raises(StoreUnavailable) as raised:
            await put(hashed(server))
    assert len(seen) == 4
    assert_presentable(raised.value)
    assert "geheim" not in caplog.text


@pytest.mark.parametrize("status", [400, 403, 404, 412, 501])
async def test_a_refusal_is_not(status: int) -> None:
    async with recorder(status, xml("AccessDenied")) as (server, seen):
        with pytest.raises(ArchiveError):
            await put(hashed(server))
    assert len(seen) == 1


async def test_credentials_that_expired_on_the_way_are_asked_for_again() -> None:
    statuses = iter([400, 200])

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=next(statuses), text=xml("ExpiredToken"), headers={"ETag": '"v1"'})

    async with http_server(answer) as address:
        store = hashed(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES)
        assert await put(store) == '"v1"'
        assert store.requests == 2


def test_each_variable_of_obstore_is_followed_or_makes_obstore_write() -> None:
    folder = Path(inspect.getfile(obstore)).parent / "_store"
    text = "".join((folder / name).read_text() for name in ("_aws.pyi", "_client.pyi"))
    known = set(re.findall(r"^    (\w+): ", text, re.MULTILINE)) - {"Example"}
    assert len(known) > 40
    of_obstore = {name.removeprefix("AWS_").lower() for name in direct_put.OBSTORE_ONLY}
    assert known - IRRELEVANT == of_obstore


async def test_a_variable_that_only_obstore_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REQUEST_PAYER", "true")
    async with recorder() as (server, seen):
        store = hashed(server)
        assert store._direct is None
        await put(store)
    assert seen[0].headers["x-amz-request-payer"] == "requester"


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"AWS_SERVER_SIDE_ENCRYPTION": "AES256"}, ("x-amz-server-side-encryption", "AES256")),
        (
            {"AWS_SERVER_SIDE_ENCRYPTION": "aws:kms", "AWS_SSE_KMS_KEY_ID": "the-key"},
            ("x-amz-server-side-encryption-aws-kms-key-id", "the-key"),
        ),
        ({"AWS_UNSIGNED_PAYLOAD": "true"}, ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")),
    ],
)
async def test_images_are_written_as_the_variables_say(
    variables: dict[str, str], header: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with recorder() as (server, seen):
        await put(hashed(server))
    assert seen[0].headers[header[0]] == header[1]


async def behind(network: Network, **settings: Any) -> str:
    server = S3Server(f"https://{HOSTS['store']}", "a", "b")
    store = hashed(server, network=network, retries=NO_RETRIES, **settings)
    try:
        return await put(store)
    finally:
        # An open connection would hold up the proxy's end.
        store.close()


async def test_through_a_proxy_with_a_password_by_tls(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    async with (
        hosts(authority.server(*NAMES)) as names,
        forward_proxy(names, authority.server("127.0.0.1"), login=("us@er", "p@ss:ge/heim")) as proxy,
    ):
        variables = {
            "HTTPS_PROXY": f"https://us%40er:p%40ss%3Age%2Fheim@{proxy.address}",
            "SSL_CERT_FILE": str(authority.file),
        }
        assert await behind(Network.of(variables)) == '"v"'
    assert proxy.hosts() == {HOSTS["store"]}


@pytest.mark.parametrize(
    ("refuses", "final"), [("407 Proxy Authentication Required", True), ("502 Bad Gateway", False)]
)
async def test_a_proxy_that_refuses(refuses: str, final: bool) -> None:
    async with forward_proxy({}, refuses=refuses) as proxy:
        with pytest.raises(ArchiveError) as raised:
            await behind(Network.of({"HTTPS_PROXY": f"http://u:geheim@{proxy.address}"}))
        assert f"the proxy http://{proxy.address} (HTTPS_PROXY) answered {refuses[:3]}" in raised.value.message
    assert isinstance(raised.value, ConfigurationError if final else StoreUnavailable)
    assert "geheim" not in str(raised.value)


async def test_a_proxy_that_does_not_answer() -> None:
    async with forward_proxy({}, drops=True) as proxy:
        with pytest.raises(
            StoreUnavailable, match=r"the proxy http://127\.0\.0\.1:\d+ \(HTTPS_PROXY\) cannot be reached"
        ):
            await behind(Network.of({"HTTPS_PROXY": f"http://u:geheim@{proxy.address}"}))


@pytest.mark.parametrize("why", ["unknown", "expired", "another name"])
async def test_a_certificate_that_is_not_trusted(why: str, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    names, days = (("other.test",) if why == "another name" else NAMES), (-1 if why == "expired" else 30)
    trusted = Authority.create(tmp_path, "other") if why == "unknown" else authority
    async with hosts(authority.server(*names, days=days)) as ports, forward_proxy(ports) as proxy:
        variables = {"HTTPS_PROXY": f"http://{proxy.address}", "SSL_CERT_FILE": str(trusted.file)}
        with pytest.raises(ConfigurationError) as raised:
            await behind(Network.of(variables))
    assert f"the certificate of {HOSTS['store']} was rejected: " in raised.value.message
    assert {"unknown": "SSL_CERT_FILE", "expired": "renewed", "another name": "another name"}[why] in raised.value.hint
