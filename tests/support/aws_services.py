"""The services that issue AWS credentials, as handlers of a local server, and an environment with nothing of this machine's."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path

import boto3
import pytest
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ROLE = "[default]\nrole_arn = arn:aws:iam::123456789012:role/archive\nsource_profile = base\nregion = eu-west-1\n"
BASE = "[profile base]\naws_access_key_id = base-key\naws_secret_access_key = base-secret\n"
SSO = (
    "[default]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = archive\nregion = eu-west-1\n"
    "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n"
)
TOKEN_DOCUMENT = {"startUrl": "https://corp.example/start", "region": "eu-west-1", "accessToken": "sso-token"}


@dataclass(frozen=True, slots=True)
class Aws:
    """`home`: where boto3 looks for files. Nothing in the environment of this process reaches a session."""

    home: Path
    monkeypatch: pytest.MonkeyPatch

    def configure(self, text: str, **variables: str) -> None:
        (self.home / "config").write_text(text)
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def session(self) -> boto3.Session:
        return boto3.Session()

    def program(self, script: str) -> str:
        """Write an executable shell script and return its path."""
        path = self.home / "helper"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def logged_in(self, *, lasts: timedelta, **more: object) -> None:
        """Write the token that `aws sso login` leaves behind."""
        folder = self.home / ".aws/sso/cache"
        folder.mkdir(parents=True)
        document = {**TOKEN_DOCUMENT, "expiresAt": in_time(lasts), **more}
        (folder / f"{sha1(b'corp').hexdigest()}.json").write_text(json.dumps(document))  # noqa: S324 (as AWS names it)


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # boto3 would wait between its own attempts.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    cache = str(tmp_path / ".aws/sso/cache")  # which botocore finds when it is imported
    monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", cache)
    monkeypatch.setattr("botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR", cache)
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    return Aws(tmp_path, monkeypatch)


def in_time(lasts: timedelta) -> str:
    return (datetime.now(UTC) + lasts).strftime("%Y-%m-%dT%H:%M:%SZ")


def assumed(key: str = "role-key", *, lasts: timedelta = timedelta(hours=1)) -> web.Response:
    """The answer of STS to AssumeRole."""
    return web.Response(
        content_type="text/xml",
        text=f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token</SessionToken>
        <Expiration>{in_time(lasts)}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>""",
    )


def refused(status: int, code: str, message: str = "it said so") -> web.Response:
    """An error of STS."""
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    return web.Response(status=status, text=text, content_type="text/xml")


def document(**body: object) -> web.Response:
    return web.json_response(body)


def issued(*, lasts: timedelta = timedelta(hours=1), **more: object) -> dict[str, object]:
    """Credentials as instance metadata, container endpoints and programs write them."""
    return {
        "AccessKeyId": "issued-key",
        "SecretAccessKey": "issued-secret",
        "Token": "issued-token",
        "Expiration": in_time(lasts),
        **more,
    }
