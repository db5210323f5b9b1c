"""Proxies and authorities for the store's two clients: obstore for objects, boto3 for credentials and some listings.

Both get explicit settings. Otherwise each would read the environment itself, and they read it differently.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ConnectionError,  # noqa: A004 (botocore's own, and no OSError)
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.httpsession import URLLib3Session

from ...errors import ArchiveError, ConfigurationError, StoreUnavailable
from ..unusable_settings import unusable_settings
from .authorities import Authorities, pem_file
from .network import Network
from .network_errors import (
    certificate_hint,
    certificate_message,
    certificate_reason,
    is_final,
    proxy_hint,
    proxy_refused,
)
from .proxies import Proxy

_BUNDLE = "AWS_CA_BUNDLE"
_EVERY_HOST = "*,0.0.0.0/0,::/0"
_NO_PROXY_OF_OURS = "http://direct.invalid"
"""Without an address, obstore would read the proxy variables. `_EVERY_HOST` is excluded from this one, so it is never asked."""
_SERVICES = ("sts", "sso", "sso-oidc", "signin")
"""The services that issue credentials, by botocore's names of their events."""
_OF_CONNECTION = (ConnectionError, HTTPClientError)
_CONNECT, _READ = 10, 60
"""Seconds to connect, and between two reads."""


def aws_network(network: Network, session: boto3.session.Session) -> Network:
    """Return the network with the authorities of AWS_CA_BUNDLE or the profile's `ca_bundle`. Raises ConfigurationError."""
    try:
        path = str(session._session.get_config_variable("ca_bundle") or "").strip()
    except BotoCoreError as error:
        raise unusable_settings(error, os.environ) from None
    if not path:
        return network
    named_by = _BUNDLE if os.environ.get(_BUNDLE, "").strip() else "ca_bundle of the AWS profile"
    return replace(network, authorities=Authorities.in_path(path, named_by))


def store_network(network: Network, verify: bool | str | None) -> Network:
    """Return the network with the authorities of `verify`, as boto3 and AWS connections have it. Raises ConfigurationError."""
    if verify is None or verify is True or verify == "":
        return network
    if not isinstance(verify, str):
        # An error is better than a setting that is silently ignored.
        raise ConfigurationError(
            "`verify` is false, but the store's certificate is always checked",
            hint="remove `verify` from the AWS connection, or set it to a file with the certificate of the store's authority",
        )
    return replace(network, authorities=Authorities.in_path(verify, "`verify` of the AWS connection"))


@dataclass(frozen=True, slots=True)
class StoreRoute:
    """How one server of the store is reached. `host`: for messages."""

    host: str
    proxy: Proxy | None
    authorities: Authorities

    @classmethod
    def to(cls, address: str, network: Network) -> StoreRoute:
        """Raises ConfigurationError if the server's proxy cannot be used."""
        return cls(urlsplit(address).netloc, network.proxies.choose_for(address), network.authorities)

    def obstore_options(self) -> dict[str, Any]:
        """Return client options of obstore. They contain the proxy's password."""
        options: dict[str, Any] = {"proxy_url": _NO_PROXY_OF_OURS, "proxy_excludes": _EVERY_HOST}
        if self.proxy:
            options = {"proxy_url": self.proxy.secret_url}
        if self.authorities.pem:
            options |= {"root_certificate": self.authorities.pem, "disable_system_certificates": True}
        return options

    def boto3_proxies(self) -> dict[str, str]:
        """Return the option `proxies` of botocore: empty for none, whatever the environment says."""
        return dict.fromkeys(("http", "https"), self.proxy.secret_url) if self.proxy else {}

    def boto3_verify(self) -> str | bool:
        """Return the option `verify` of botocore."""
        return pem_file(self.authorities.pem) if self.authorities.pem else True

    def failure(self, error: Exception, subject: str) -> ArchiveError | None:
        """Return our error for one of a client, or None if it is about neither a certificate nor the proxy."""
        text = f"{error} {error.kwargs.get('error', '')}" if isinstance(error, BotoCoreError) else str(error)
        if reason := certificate_reason(error) or (certificate_reason(Exception(text))):
            message = f"{subject}: {certificate_message(reason, self.host, self.proxy)}"
            return ConfigurationError(message, hint=certificate_hint(reason, self.authorities.named_by, _BUNDLE))
        proxy = self.proxy
        if proxy is None:
            return None
        status, phrase = _refusal(text)
        if status:
            message = f"{subject}: {proxy_refused(proxy, status, phrase)}"
            kind = ConfigurationError if is_final(status) else StoreUnavailable
            return kind(message, hint=proxy_hint(proxy, self.host, status))
        if "TunnelUnsuccessful" in text:
            # obstore does not say with which status.
            return StoreUnavailable(
                f"{subject}: the proxy {proxy} refused to connect to {self.host}",
                hint=proxy_hint(proxy, self.host, 403),
            )
        failed = isinstance(error, _OF_CONNECTION) and not isinstance(error, ReadTimeoutError)
        if failed or "kind: Connect" in text:
            return StoreUnavailable(
                f"{subject}: the proxy {proxy} cannot be reached, or closed the connection",
                hint=proxy_hint(proxy, self.host),
            )
        return None


def _refusal(text: str) -> tuple[int, str]:
    """Return status and phrase of a proxy's refusal, or 0."""
    if "ProxyAuthRequired" in text or "status code: 407" in text:
        return 407, "Proxy Authentication Required"
    found = re.search(r"Tunnel connection failed: (\d{3})([\w -]*)", text)
    return (int(found[1]), found[2]) if found else (0, "")


def route_credential_services(session: boto3.session.Session, network: Network) -> None:
    """Let the session's clients of the services that issue credentials use the network, and not the environment."""
    if network.is_default:
        return
    for service in _SERVICES:
        session.events.register(f"before-send.{service}", _Sender(network), unique_id=f"stablecog-network-{service}")


@dataclass(frozen=True, slots=True)
class _Sender:
    """Sends a request instead of botocore's client, which takes the returned response as its own."""

    network: Network

    def __call__(self, request: Any, **_: object) -> Any:
        route = StoreRoute.to(request.url, self.network)
        options: dict[str, Any] = {"verify": route.boto3_verify(), "timeout": (_CONNECT, _READ)}
        # One per request: credentials are renewed about once an hour.
        http = URLLib3Session(proxies=route.boto3_proxies(), **options)
        try:
            return http.send(request)
        except _OF_CONNECTION as error:
            failure = route.failure(error, "AWS credentials")
            if failure is None:
                raise
        finally:
            http.close()
        # Outside the `except`: the chain of causes would include the request.
        raise failure
