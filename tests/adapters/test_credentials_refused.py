"""Credentials that are denied, expired, missing or misconfigured: final at the first attempt, in the provider's own words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from botocore.exceptions import (
    EndpointConnectionError,
    LoginRefreshRequired,
    NoRegionError,
    RefreshWithMFAUnsupportedError,
    SSLError,
)

from adapters.conftest import http_server, no_sleep
from stablecog_provider.adapters.credential_errors import credentials_error
from stablecog_provider.adapters.store_credentials import StoreCredentials
from stablecog_provider.errors import ConfigurationError, CredentialsRejected, StoreUnavailable
from support.aws_services import BASE, ROLE, SSO, Aws, document, in_time, issued, refused

HOUR = timedelta(hours=1)
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"  # an example of AWS's documentation


async def rejected(aws: Aws) -> CredentialsRejected:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    credentials = StoreCredentials(aws.session(), sleep=sleep)
    with pytest.raises(CredentialsRejected) as raised:
        await credentials.ready()
    assert waits == []
    assert raised.value.message.startswith("AWS credentials: ")
    assert "endpoint cannot be" not in str(raised.value)
    assert len(raised.value.message) < 300
    assert raised.value.__context__ is None
    return raised.value


@pytest.mark.parametrize(
    ("status", "code", "message", "hint"),
    [
        (403, "AccessDenied", "User bob is not authorized to perform: sts:AssumeRole", "trust policy"),
        (403, "InvalidClientTokenId", "The security token included in the request is invalid", "check the access key"),
        (403, "SignatureDoesNotMatch", "The request signature does not match", "check the access key"),
        (403, "SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2", "clock"),
        (403, "SignatureDoesNotMatch", "Signature not yet current: 2 is still later than 1", "clock"),
        (403, "ExpiredToken", "The security token included in the request is expired", "renew them"),
        (400, "MalformedPolicyDocument", "no", "trust policy"),
    ],
)
async def test_sts_refuses(status: int, code: str, message: str, hint: str, aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        return refused(status, code, message)

    async with http_server(answer) as address:
        aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=f"http://{address}")
        error = await rejected(aws)
    assert f"AssumeRole: {status} {code} {message}" in error.message
    assert hint in error.hint


async def test_a_key_that_sts_quotes_is_blanked_out(aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        return refused(403, "InvalidClientTokenId", f"no such key: AKIAIOSFODNN7EXAMPLE, {SECRET}")

    async with http_server(answer) as address:
        aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=f"http://{address}")
        error = await rejected(aws)
    assert "AKIAIOSFODNN7EXAMPLE" not in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize("lasts", [None, -HOUR], ids=["never logged in", "expired"])
async def test_sso_without_a_login(lasts: timedelta | None, aws: Aws) -> None:
    if lasts:
        aws.logged_in(lasts=lasts)
    aws.configure(SSO.replace("[default]", "[profile corp]"), AWS_PROFILE="corp")
    assert (await rejected(aws)).hint == "log in with `aws sso login --profile corp`"


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, "UnauthorizedException", "log in with `aws sso login`"),
        (403, "ForbiddenException", "sso_role_name"),
        (404, "ResourceNotFoundException", "sso_role_name"),
    ],
)
async def test_sso_refuses(status: int, kind: str, hint: str, aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"message": "no"}, status=status, headers={"x-amzn-ErrorType": kind})

    async with http_server(answer) as address:
        aws.logged_in(lasts=HOUR)
        aws.configure(SSO, AWS_ENDPOINT_URL_SSO=f"http://{address}")
        assert hint in (await rejected(aws)).hint


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_the_containers_endpoint_refuses(status: int, aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=f"no role for {SECRET}")

    async with http_server(answer) as address:
        aws.configure("", AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{address}/role")
        error = await rejected(aws)
    assert f"Received non 200 response {status}" in error.message
    assert SECRET not in error.message
    assert "AWS_CONTAINER_" in error.hint


@pytest.mark.parametrize("full_uri", ["http://example.com/role", "http://169.254.170.2.example/role"])
async def test_a_containers_endpoint_elsewhere(full_uri: str, aws: Aws) -> None:
    aws.configure("", AWS_CONTAINER_CREDENTIALS_FULL_URI=full_uri)
    assert "Unsupported host" in (await rejected(aws)).message


async def test_an_instance_without_a_role(aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="token") if request.method == "PUT" else web.Response(status=404)

    async with http_server(answer) as address:
        aws.configure("", AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{address}/")
        assert "Unable to locate credentials" in (await rejected(aws)).message


async def test_an_instance_whose_role_does_not_trust_it(aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/archive"):
            return document(Code="AssumeRoleUnauthorizedAccess", Message="EC2 cannot assume the role")
        return web.Response(text="archive")

    async with http_server(answer) as address:
        aws.configure("", AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://{address}/")
        error = await rejected(aws)
    assert "AssumeRoleUnauthorizedAccess" in error.message
    assert "trust policy" in error.hint


PROCESSES = {
    "fails": ("echo 'no session for bob' >&2; exit 1", "failed: no session for bob"),
    "fails in silence": ("exit 3", "failed: it reported nothing"),
    "fails in many lines": ("printf 'one\\ntwo\\n' >&2; exit 1", "failed: one two"),
    "prints junk": ("echo junk", "failed: it printed no JSON"),
    "prints nothing": ("true", "failed: it printed no JSON"),
    "prints a list": ("echo '[]'", "failed: 'list' object"),
    "prints another version": ("echo '{\"Version\": 2}'", "Unsupported version '2'"),
    "leaves out the secret": ('echo \'{"Version": 1, "AccessKeyId": "a"}\'', "Missing required key in response: 'SecretAccess"),
    "writes no UTF-8": ("printf '\\377' >&2; exit 1", "failed: 'utf-8' codec"),
}  # fmt: skip


@pytest.mark.parametrize("case", PROCESSES)
async def test_a_credential_process_fails(case: str, aws: Aws) -> None:
    script, words = PROCESSES[case]
    program = aws.program(script)
    aws.configure(f"[default]\ncredential_process = {program} --secret {SECRET}\n")
    error = await rejected(aws)
    assert f"credential_process {program} failed: " in error.message
    assert words in error.message
    assert SECRET not in str(error)
    assert "credential_process by hand" in error.hint


async def test_a_secret_that_a_credential_process_prints_is_blanked_out(aws: Aws) -> None:
    aws.configure(f"[default]\ncredential_process = {aws.program(f'echo bad key {SECRET} token=abc >&2; exit 1')}\n")
    error = await rejected(aws)
    assert error.message.endswith("failed: bad key *** token=***")


def not_executable(aws: Aws) -> str:
    program = aws.program("true")
    Path(program).chmod(0o644)
    return program


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (lambda _: "/no/such/helper", "No such file or directory"),
        (lambda _: "no-such-helper-on-the-path", "No such file or directory"),
        (not_executable, "Permission denied"),
        (lambda aws: str(aws.home), "Permission denied"),
    ],
    ids=["missing", "not on the path", "not executable", "a folder"],
)
async def test_a_credential_process_that_cannot_be_started(
    program: Callable[[Aws], str], reason: str, aws: Aws
) -> None:
    path = program(aws)
    aws.configure(f"[default]\ncredential_process = {path} --verbose\n")
    assert (await rejected(aws)).message == f"AWS credentials: credential_process {path} failed: {reason}"


async def test_a_credential_process_of_a_source_profile(aws: Aws) -> None:
    aws.configure(ROLE + f"[profile base]\ncredential_process = {aws.program('echo no >&2; exit 1')}\n")
    assert "credential_process failed: no" in (await rejected(aws)).message


async def test_credentials_that_were_expired_when_they_came(aws: Aws) -> None:
    printed = f'{{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "{in_time(-HOUR)}"}}'
    program = aws.program(f"echo '{printed}'")
    aws.configure(f"[default]\ncredential_process = {program}\n")
    error = await rejected(aws)
    assert "still expired" in error.message
    assert "renew them" in error.hint


@pytest.mark.parametrize(
    ("text", "variables", "words"),
    [
        ("", {}, "Unable to locate credentials"),
        ("", {"AWS_ACCESS_KEY_ID": "a"}, "missing: AWS_SECRET_ACCESS_KEY"),
        ("[default]\naws_access_key_id = a\n", {}, "missing: aws_secret_access_key"),
        ("[default]\naws_access_key_id = a\naws_secret_access_key =\n", {}, "missing: access key or secret"),
        (ROLE, {}, "source_profile"),
        (ROLE.replace("source_profile = base", "credential_source = Nowhere"), {}, "Nowhere"),
        (ROLE.replace("source_profile = base", "credential_source = Environment"), {}, "No credentials found"),
        (ROLE.replace("source_profile = base\n", ""), {}, "source_profile"),
        (ROLE.replace("source_profile = base", "source_profile = default"), {}, "default"),
        (SSO.replace("sso_region = eu-west-1\n", ""), {}, "sso_region"),
        (
            "[default]\nrole_arn = r\nweb_identity_token_file = /no/such/token\nregion = eu-west-1\n",
            {},
            "/no/such/token: No such file or directory",
        ),
        ("[default]\nweb_identity_token_file = /no/such/token\n", {}, "role ARN"),
    ],
)
async def test_credentials_that_are_missing_or_misconfigured(
    text: str, variables: dict[str, str], words: str, aws: Aws
) -> None:
    aws.configure(text, **variables)
    assert words in (await rejected(aws)).message


def tls(reason: str) -> SSLError:
    return SSLError(endpoint_url="https://sts", error=OSError(reason))


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (RefreshWithMFAUnsupportedError(), CredentialsRejected, "MFA"),
        (EOFError("EOF when reading a line"), CredentialsRejected, "MFA"),
        (LoginRefreshRequired(), CredentialsRejected, "log in with `aws login --profile corp`"),
        (NoRegionError(), CredentialsRejected, "correct the profile"),
        (NotImplementedError("assume_role_method=x"), CredentialsRejected, "correct the profile"),
        (tls("[SSL: CERTIFICATE_VERIFY_FAILED]"), ConfigurationError, "AWS_CA_BUNDLE"),
        (tls("EOF occurred"), StoreUnavailable, "nothing is lost"),
        (ConnectionResetError(104, "Connection reset by peer"), StoreUnavailable, "nothing is lost"),
        (TimeoutError("timed out"), StoreUnavailable, "nothing is lost"),
        (OSError(24, "Too many open files"), StoreUnavailable, "ulimit -n"),
        (OSError(28, "No space left on device"), StoreUnavailable, "free disk space"),
        (OSError(12, "Cannot allocate memory"), StoreUnavailable, "free memory"),
        (EndpointConnectionError(endpoint_url="https://sts", error="Too many open files"), StoreUnavailable, "ulimit -n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_what_only_some_machines_raise(error: Exception, kind: type[Exception], hint: str) -> None:
    translated = credentials_error(error, "AWS credentials", profile="corp")
    assert type(translated) is kind
    assert hint in translated.hint


async def test_documents_of_a_container_without_a_key(aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        return document(**{name: value for name, value in issued().items() if name != "AccessKeyId"})

    async with http_server(answer) as address:
        aws.configure("", AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{address}/role")
        assert "KeyError: 'AccessKeyId'" in (await rejected(aws)).message


async def test_the_first_failure_is_not_remembered(aws: Aws) -> None:
    aws.configure("")
    credentials = StoreCredentials(aws.session(), sleep=no_sleep)
    with pytest.raises(CredentialsRejected):
        await credentials.ready()
    aws.monkeypatch.setenv("AWS_ACCESS_KEY_ID", "late-key")
    aws.monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "late-secret")
    await credentials.ready()
    assert credentials()["access_key_id"] == "late-key"
