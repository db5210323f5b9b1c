"""Why an EC2 instance got no credentials. botocore returns none for a machine without a role and for a service that is down.

Source: AWS's pages "Use the Instance Metadata Service" and "Detect whether a host is an EC2 instance".
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import boto3
import httpx
from botocore.utils import METADATA_BASE_URL, METADATA_BASE_URL_IPv6, resolve_imds_endpoint_mode

from ..errors import ArchiveError, CredentialsRejected, StoreUnavailable
from .credential_errors import passing_status

BOARD = Path("/sys/devices/virtual/dmi/id/board_asset_tag")
"""Contains the instance's id on an instance of the Nitro system."""
_ROLES = "latest/meta-data/iam/security-credentials/"
_SECONDS = 2.0


def metadata_error(session: boto3.session.Session, subject: str, board: Path = BOARD) -> ArchiveError | None:
    """Return the service's failure, or None if it is fine that there are no credentials. Blocks for a few seconds at most.

    A service that does not answer has failed only if this machine is an instance or the service's address is configured.
    Elsewhere nothing answers at its address.
    """
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    settings = session._session
    endpoint = settings.get_config_variable("ec2_metadata_service_endpoint")
    usual = METADATA_BASE_URL_IPv6 if resolve_imds_endpoint_mode(settings) == "ipv6" else METADATA_BASE_URL
    try:
        answer = _asked(str(endpoint or usual).rstrip("/"))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if endpoint or _is_instance(board):
            return StoreUnavailable(
                f"{subject}: the instance metadata service does not answer ({type(error).__name__})"
            )
        return None
    if passing_status(answer.status_code):
        return StoreUnavailable(f"{subject}: the instance metadata service answered {answer.status_code}")
    if answer.status_code != 200:
        return None
    code = ""
    with suppress(ValueError, AttributeError):
        code = str(json.loads(answer.text).get("Code", ""))
    if code.isalnum() and code != "Success":
        return CredentialsRejected(
            f"{subject}: the instance metadata service reports {code}",
            hint="check the instance's role: its trust policy must allow ec2.amazonaws.com",
        )
    return StoreUnavailable(f"{subject}: the instance metadata service answered only at the second attempt")


def _asked(base: str) -> httpx.Response:
    """Return the answer to a request for the role's credentials, or the first that is not 200."""
    with httpx.Client(timeout=_SECONDS, trust_env=False) as client:
        token = client.put(f"{base}/latest/api/token", headers={"x-aws-ec2-metadata-token-ttl-seconds": "60"})
        if passing_status(token.status_code):
            return token
        headers = {"x-aws-ec2-metadata-token": token.text} if token.status_code == 200 else {}
        role = client.get(f"{base}/{_ROLES}", headers=headers)
        return client.get(f"{base}/{_ROLES}{role.text.strip()}", headers=headers) if role.status_code == 200 else role


def _is_instance(board: Path) -> bool:
    try:
        return board.read_text().startswith("i-")
    except (OSError, ValueError):
        return False
