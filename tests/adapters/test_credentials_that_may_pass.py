"""Services that issue credentials and fail for a while: each failure is retried, and then is a StoreUnavailable."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from botocore.config import Config

from adapters.conftest import http_server, no_sleep
from dev.local.s3_server import HOST
from stablecog_provider.adapters.instance_metadata import metadata_error
from stablecog_provider.adapters.store_credentials import RETRIES, StoreCredentials
from stablecog_provider.errors import StoreUnavailable
from support.aws_services import BASE, ROLE, SSO, Aws, assumed, document, issued, refused

HOUR = timedelta(hours=1)


async def unavailable(aws: Aws) -> StoreUnavailable:
    credentials = StoreCredentials(aws.session(), sleep=no_sleep)
    with pytest.raises(StoreUnavailable) as raised:
        await credentials.ready()
    assert "endpoint cannot be" not in str(raised.value)
    assert "nothing is lost" in raised.value.hint
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    return raised.value


STS_FAILURES = {
    "500": lambda: refused(500, "InternalFailure"),
    "503": lambda: refused(503, "ServiceUnavailable"),
    "a gateway's page": lambda: web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html"),
    "429": lambda: web.Response(status=429),
    "throttling": lambda: refused(400, "Throttling", "Rate exceeded"),
    "a limit": lambda: refused(400, "RequestLimitExceeded"),
    "slow down with 403": lambda: refused(403, "SlowDown"),
    "an identity provider": lambda: refused(400, "IDPCommunicationError"),
    "half a document": lambda: web.Response(text="<AssumeRoleResponse><Assu", content_type="text/xml"),
}


@pytest.mark.parametrize("failure", STS_FAILURES)
async def test_sts_fails(failure: str, aws: Aws) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return STS_FAILURES[failure]()

    async with http_server(answer) as address:
        aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=f"http://{address}")
        await unavailable(aws)
    assert len(asked) == RETRIES.attempts


async def test_sts_fails_twice_and_then_answers(aws: Aws) -> None:
    answers = [refused(503, "ServiceUnavailable"), refused(400, "Throttling"), assumed()]

    async def answer(request: web.Request) -> web.Response:
        return answers.pop(0)

    async with http_server(answer) as address:
        aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=f"http://{address}")
        credentials = StoreCredentials(aws.session(), sleep=no_sleep)
        await credentials.ready()
    assert credentials()["access_key_id"] == "role-key"
    assert credentials()["token"] == "role-token"


async def test_sts_breaks_the_connection(aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.close()
        return web.Response()

    async with http_server(answer) as address:
        aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=f"http://{address}")
        await unavailable(aws)


async def test_sts_is_slow(aws: Aws) -> None:
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with http_server(answer) as address:
        aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=f"http://{address}")
        session = aws.session()
        session._session.set_default_client_config(Config(read_timeout=0.05))
        with pytest.raises(StoreUnavailable, match="Read timeout on endpoint URL"):
            await StoreCredentials(session, sleep=no_sleep).ready()
        released.set()


@pytest.mark.parametrize("service", ["STS", "SSO", "container"])
async def test_nothing_listens(service: str, aws: Aws) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound, but nothing listens
        address = f"http://{HOST}:{taken.getsockname()[1]}"
        if service == "STS":
            aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=address)
        elif service == "SSO":
            aws.logged_in(lasts=HOUR)
            aws.configure(SSO, AWS_ENDPOINT_URL_SSO=address)
        else:
            aws.configure("", AWS_CONTAINER_CREDENTIALS_FULL_URI=address)
        error = await unavailable(aws)
    assert address in error.message


@pytest.mark.parametrize(
    ("status", "kind"), [(500, "InternalServerError"), (503, "ServiceUnavailable"), (429, "TooManyRequestsException")]
)
async def test_sso_fails(status: int, kind: str, aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"message": "later"}, status=status, headers={"x-amzn-ErrorType": kind})

    async with http_server(answer) as address:
        aws.logged_in(lasts=HOUR)
        aws.configure(SSO, AWS_ENDPOINT_URL_SSO=f"http://{address}")
        assert f"GetRoleCredentials: {status}" in (await unavailable(aws)).message


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_sso_cannot_renew_its_expired_token(status: int, aws: Aws) -> None:
    """botocore swallows this failure, and then reports an expired token."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"error": "later"}, status=status)

    registered = {"clientId": "c", "clientSecret": "s", "refreshToken": "r"}
    async with http_server(answer) as address:
        aws.logged_in(lasts=-HOUR, registrationExpiresAt="2126-01-01T00:00:00Z", **registered)
        aws.configure(SSO, AWS_ENDPOINT_URL_SSO_OIDC=f"http://{address}")
        assert f"SSO answered {status}" in (await unavailable(aws)).message


@pytest.mark.parametrize(
    "answer",
    [(500, "{}"), (503, "busy"), (429, "slow down"), (200, "<html>not yet</html>"), (408, "")],
    ids=lambda answer: str(answer[0]),
)
async def test_the_containers_endpoint_fails(answer: tuple[int, str], aws: Aws) -> None:
    async def answered(request: web.Request) -> web.Response:
        return web.Response(status=answer[0], text=answer[1])

    async with http_server(answered) as address:
        aws.configure("", AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{address}/role")
        assert "container" in (await unavailable(aws)).message


@pytest.mark.parametrize("path", ["token", "security-credentials/", "security-credentials/archive"])
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_instance_metadata_fails(status: int, path: str, aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith(path):
            return web.Response(status=status)
        return web.Response(text="archive")

    async with http_server(answer) as address:
        aws.configure("", AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{address}/")
        assert f"the instance metadata service answered {status}" in (await unavailable(aws)).message


async def test_instance_metadata_does_not_answer_at_its_configured_address(aws: Aws) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        address = f"http://{HOST}:{taken.getsockname()[1]}/"
        aws.configure("", AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=address)
        assert "the instance metadata service does not answer" in (await unavailable(aws)).message


@pytest.mark.parametrize(("board", "is_instance"), [("i-0123456789abcdef0\n", True), ("Not Specified\n", False)])
def test_instance_metadata_that_does_not_answer_has_failed_only_on_an_instance(
    board: str, is_instance: bool, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.configure("", AWS_EC2_METADATA_DISABLED="false")
    monkeypatch.setattr("stablecog_provider.adapters.instance_metadata.METADATA_BASE_URL", f"http://{HOST}:1/")
    tag = tmp_path / "board"
    tag.write_text(board)
    error = metadata_error(aws.session(), "AWS credentials", tag)
    assert isinstance(error, StoreUnavailable) is is_instance
    assert metadata_error(aws.session(), "AWS credentials", tmp_path / "missing") is None


async def test_the_role_of_an_instance_assumes_another_once_metadata_answers(aws: Aws) -> None:
    broken = [True]

    async def answer(request: web.Request) -> web.Response:
        if request.path.startswith("/latest/"):
            # The service fails through the first attempt, the look at it included.
            failed, broken[0] = broken[0], broken[0] and request.method == "GET"
            if failed:
                return web.Response(status=503)
            return document(**issued()) if request.path.endswith("/archive") else web.Response(text="archive")
        return assumed()

    profile = ROLE.replace("source_profile = base", "credential_source = Ec2InstanceMetadata")
    async with http_server(answer) as address:
        aws.configure(
            profile,
            AWS_EC2_METADATA_DISABLED="false",
            AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{address}/",
            AWS_ENDPOINT_URL_STS=f"http://{address}",
        )
        credentials = StoreCredentials(aws.session(), sleep=no_sleep)
        await credentials.ready()
    assert credentials()["access_key_id"] == "role-key"
