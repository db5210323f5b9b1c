"""AWS connections as settings of the store: roles, proxies, `verify`, `config_kwargs`, and what cannot be used."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from dev.local.authority import Authority
from dev.local.s3_server import HOST
from stablecog_provider.adapters.assembly import open_store
from stablecog_provider.airflow.connections import store_settings
from stablecog_provider.airflow.errors import as_airflow
from stablecog_provider.errors import ArchiveError, ConfigurationError, CredentialsRejected, StoreUnavailable
from stablecog_provider.model.object_keys import Layout
from support.airflow_canary import AWS_SECRET, Connect
from support.aws_services import Aws

ROLE = {"role_arn": "arn:aws:iam::123456789012:role/archive", "region_name": "eu-west-1"}


@pytest.fixture
def role(connect: Connect, aws: Aws) -> Callable[[str], None]:
    """Defines a connection that assumes a role at an STS of ours."""

    def define(endpoint: str, **extra: object) -> None:
        service = {"sts": {"endpoint_url": endpoint}}
        connect(
            "aws_role",
            conn_type="aws",
            login="access",
            password=AWS_SECRET,
            extra={**ROLE, "service_config": service, **extra},
        )

    return define


@pytest.fixture
def sts() -> Any:
    """Starts an STS in a thread that gives one answer to every request. The hook asks it without an event loop."""
    running: list[HTTPServer] = []

    def start(status: int, body: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = HTTPServer((HOST, 0), Handler)
        Thread(target=server.serve_forever).start()
        running.append(server)
        return f"http://{HOST}:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def error_xml(code: str) -> str:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>it said so</Message></Error></ErrorResponse>"


def failure() -> ArchiveError:
    with pytest.raises(ArchiveError) as raised:
        store_settings("aws_role")
    assert AWS_SECRET not in str(raised.value)
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    return raised.value


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "InternalFailure"),
        (502, "BadGateway"),
        (503, "ServiceUnavailable"),
        (429, "TooManyRequests"),
        (400, "Throttling"),
        (400, "RequestLimitExceeded"),
    ],
)
def test_an_sts_that_fails_leaves_the_task_its_retries(status: int, code: str, sts: Any, role: Any) -> None:
    role(sts(status, error_xml(code)))
    error = failure()
    assert isinstance(error, StoreUnavailable)
    assert error.message.startswith(f"the AWS connection 'aws_role': AssumeRole: {status} {code}")
    assert not isinstance(as_airflow(error), AirflowFailException)


def test_an_sts_that_cannot_be_reached_leaves_the_task_its_retries(role: Any) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        role(f"http://{HOST}:{taken.getsockname()[1]}")
        error = failure()
    assert isinstance(error, StoreUnavailable)
    assert "Could not connect to the endpoint URL" in error.message
    assert type(as_airflow(error)) is AirflowException


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_a_role_that_is_denied_fails_the_task(code: str, sts: Any, role: Any) -> None:
    role(sts(403, error_xml(code)))
    error = failure()
    assert isinstance(error, CredentialsRejected)
    assert f"AssumeRole: 403 {code} it said so" in error.message
    assert isinstance(as_airflow(error), AirflowFailException)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"assume_role_method": "assume_role_by_magic"}, "assume_role_by_magic"),
        ({"assume_role_method": "assume_role_with_web_identity"}, "Unsupported federation"),
        ({"profile_name": "nowhere"}, "nowhere"),
    ],
)
def test_a_connection_that_cannot_work_fails_the_task(extra: dict[str, Any], words: str, role: Any) -> None:
    role("http://127.0.0.1:1", **extra)
    error = failure()
    assert isinstance(error, ConfigurationError)
    assert words in error.message


@pytest.mark.parametrize(
    ("kwargs", "address"),
    [
        (None, "https://s3.corp.test"),
        ({"s3": {"addressing_style": "auto"}}, "https://s3.corp.test"),
        ({"s3": {"addressing_style": "path"}}, "https://s3.corp.test"),
        ({"s3": {"addressing_style": "virtual"}}, "https://bucket.s3.corp.test"),
        ({"retries": {"max_attempts": 9}, "read_timeout": 9, "max_pool_connections": 9}, "https://s3.corp.test"),
    ],
)
async def test_the_addressing_style_of_a_connection(
    kwargs: dict[str, Any] | None, address: str, connect: Connect, aws: Aws
) -> None:
    extra = {"endpoint_url": "https://s3.corp.test", **({"config_kwargs": kwargs} if kwargs else {})}
    connect("aws_own", conn_type="aws", login="access", password=AWS_SECRET, extra=extra)
    async with open_store(store_settings("aws_own"), Layout("bucket", "prefix")) as store:
        assert store.address == address


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"proxies": {"https": f"http://user:{AWS_SECRET}@proxy"}}, "proxies"),
        ({"proxies_config": {}, "client_cert": AWS_SECRET}, "client_cert, proxies_config"),
        ({"auth_scheme_preference": "sigv4a"}, "auth_scheme_preference"),
        ({"s3": {"adressing_style": "virtual"}}, "s3.adressing_style"),
        ({"s3": {"addressing_style": "sideways"}}, "sideways"),
        ({"retry": 3}, "retry"),
        ({"s3": "virtual"}, "its extra cannot be used"),
    ],
)
def test_a_setting_of_a_connection_that_cannot_be_followed(
    kwargs: dict[str, Any], named: str, connect: Connect, aws: Aws
) -> None:
    connect("aws_own", conn_type="aws", login="access", password="p", extra={"config_kwargs": kwargs})
    with pytest.raises(ConfigurationError) as raised:
        store_settings("aws_own")
    assert raised.value.message.startswith("the AWS connection 'aws_own': ")
    assert named in raised.value.message
    assert AWS_SECRET not in str(raised.value)


async def test_a_store_is_not_opened_without_signatures(connect: Connect, aws: Aws) -> None:
    connect("aws_own", conn_type="aws", extra={"config_kwargs": {"signature_version": "unsigned"}})
    with pytest.raises(ConfigurationError, match="signature_version"):
        async with open_store(store_settings("aws_own"), Layout("bucket", "prefix")):
            pytest.fail("it was opened")


def test_a_role_is_assumed_through_the_proxy(
    connect: Connect, aws: Aws, sts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It answers as a proxy does: the host of the request exists nowhere.
    proxy = sts(403, error_xml("AccessDenied")).removeprefix("http://")
    monkeypatch.setenv("HTTP_PROXY", f"http://user:ge%3Aheim@{proxy}")
    service = {"sts": {"endpoint_url": "http://sts.corp.test"}}
    extra = {**ROLE, "service_config": service}
    connect("aws_role", conn_type="aws", login="access", password=AWS_SECRET, extra=extra)
    error = failure()
    assert "AssumeRole: 403 AccessDenied" in error.message
    assert "heim" not in str(error)


def test_a_proxy_that_is_down_leaves_the_task_its_retries(
    connect: Connect, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        proxy = f"{HOST}:{taken.getsockname()[1]}"
        monkeypatch.setenv("https_proxy", f"http://user:ge%3Aheim@{proxy}")
        connect("aws_role", conn_type="aws", login="access", password=AWS_SECRET, extra=ROLE)
        error = failure()
    assert isinstance(error, StoreUnavailable)
    assert error.message.startswith(
        f"the AWS connection 'aws_role': the proxy http://{proxy} (https_proxy) cannot be reached"
    )
    assert "heim" not in str(error)


def test_a_proxy_that_cannot_be_used_fails_the_task(
    connect: Connect, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:geheim@p")
    connect("aws_role", conn_type="aws", login="access", password=AWS_SECRET, extra=ROLE)
    error = failure()
    assert isinstance(as_airflow(error), AirflowFailException)
    assert "ALL_PROXY names a SOCKS proxy" in error.message
    assert "geheim" not in str(error)


async def test_verify_of_a_connection_is_a_file_with_authorities(connect: Connect, aws: Aws, tmp_path: Path) -> None:
    extra = {"endpoint_url": "https://s3.corp.test", "region_name": "eu-west-1"}
    for verify, refused in (
        (str(Authority.create(tmp_path).file), ""),
        ("/no/such", "/no/such"),
        (False, "always checked"),
    ):
        connect("aws_own", conn_type="aws", login="access", password=AWS_SECRET, extra={**extra, "verify": verify})
        settings = store_settings("aws_own")
        with pytest.raises(ConfigurationError, match=refused) if refused else nullcontext():
            async with open_store(settings, Layout("bucket")):
                pass
