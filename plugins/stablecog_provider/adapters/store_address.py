"""Where the bucket's server is, and whether its bucket is named in the host or in the path: as boto3 decides it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from ..errors import ConfigurationError
from .unusable_settings import unusable_settings

DEFAULT_REGION = "us-east-1"
_STYLES = (None, "auto", "path", "virtual")
_SIGNATURES = ("s3v4", "v4")
# Options of botocore's Config that change how S3 is reached, and that the store's client cannot follow.
_REFUSED = ("proxies", "proxies_config", "client_cert")
_REFUSED_OF_S3 = ("use_accelerate_endpoint",)


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """`endpoint`: without the bucket's name, also if `path_style` is false. `region`: what requests are signed for."""

    endpoint: str
    region: str
    path_style: bool

    def of(self, bucket: str) -> str:
        """Return the address that requests to the bucket start with."""
        return self.endpoint if self.path_style else self.endpoint.replace("://", f"://{bucket}.", 1)


def store_address(
    session: boto3.session.Session,
    bucket: str,
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
    config: Config | None = None,
) -> StoreAddress:
    """Return the bucket's address. boto3 knows partitions, profiles, AWS_ENDPOINT_URL and dual-stack endpoints.

    The addressing style `virtual` or `path` is that of the profile (`s3.addressing_style`) or of `config`. Without one, a bucket
    is named in the host for AWS, and in the path for every other server. Makes no request and loads no credentials.

    Raises ConfigurationError for an endpoint that is no plain address, and for a setting that cannot be followed.
    """
    region = region or session.region_name or DEFAULT_REGION
    try:
        # Keys of any kind: without them, boto3 would load the session's credentials here.
        meta: Any = session.client(
            "s3",
            region_name=region,
            endpoint_url=endpoint_url,
            config=config,
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106
        ).meta
    except (BotoCoreError, ValueError) as error:
        raise _unusable(error, endpoint_url) from None
    style = _checked(meta.config)
    endpoint = _plain(endpoint_url or str(meta.endpoint_url))
    host = urlsplit(endpoint).hostname or ""
    if style not in ("path", "virtual"):
        named = endpoint_url is not None or not host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
        style = "path" if named else "virtual"
    # Like boto3: an IP address takes no bucket in front, and a wildcard certificate covers no dots.
    dotted = "." in bucket and not endpoint.startswith("http://")
    return StoreAddress(endpoint, region, style == "path" or dotted or _is_ip(host))


def _checked(config: Config) -> str | None:
    """Return the addressing style of the client's merged settings. Raises ConfigurationError."""
    options: Mapping[str, Any] = vars(config)
    of_s3: Mapping[str, Any] = options.get("s3") or {}
    refused = [name for name in _REFUSED if options.get(name)]
    refused += [f"s3.{name}" for name in _REFUSED_OF_S3 if of_s3.get(name)]
    if options.get("signature_version") not in _SIGNATURES:
        refused.append("signature_version")
    style = of_s3.get("addressing_style")
    if style not in _STYLES:
        refused.append("s3.addressing_style")
    if refused:
        raise ConfigurationError(
            f"the AWS settings contain {', '.join(refused)}, which the store's client cannot follow",
            hint="remove it from the profile, or from config_kwargs of the AWS connection; for a proxy, set HTTPS_PROXY",
        )
    return style


def _unusable(error: Exception, endpoint_url: str | None) -> ConfigurationError:
    if endpoint_url and endpoint_url in str(error):
        return _not_plain()
    return unusable_settings(error, os.environ)


def _plain(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise _not_plain() from None
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        raise _not_plain()
    return endpoint.rstrip("/")


def _not_plain() -> ConfigurationError:
    return ConfigurationError("the S3 endpoint is not a plain address", hint="write it as http(s)://HOST[:PORT]")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
