"""Turns Airflow's connections into plain settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import boto3
from airflow.providers.amazon.aws.hooks.base_aws import SessionFactory
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import BaseHook, Connection
from airflow.sdk.log import mask_secret
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from ..adapters.allowed_hosts import AllowedHosts
from ..adapters.credential_errors import credentials_error
from ..adapters.network.network import Network
from ..adapters.network.proxies import Proxies
from ..adapters.network.store_network import aws_network, route_credential_services
from ..adapters.redaction import one_line
from ..adapters.settings import DEFAULT_ADDRESS, SourceSettings, StoreSettings
from ..adapters.source_headers import Headers, checked_headers, parse_headers, secrets_of
from ..errors import ArchiveError, ConfigurationError

_FOLLOWED = {
    "defaults_mode", "ignore_configured_endpoint_urls", "region_name", "s3", "signature_version", "use_dualstack_endpoint",
    "use_fips_endpoint",
}  # fmt: skip
"""Options of `config_kwargs` that decide how S3 is reached. `store_address` reads them, and refuses some of their values."""
_FOLLOWED_OF_S3 = {
    "addressing_style", "payload_signing_enabled", "us_east_1_regional_endpoint", "use_accelerate_endpoint", "use_arn_region",
    "use_dualstack_endpoint",
}  # fmt: skip
_OF_BOTO3_ALONE = {
    "account_id_endpoint_mode", "connect_timeout", "disable_request_compression", "endpoint_discovery_enabled",
    "inject_host_prefix", "max_pool_connections", "parameter_validation", "read_timeout", "request_checksum_calculation",
    "request_min_compression_size_bytes", "response_checksum_validation", "retries", "s3_disable_express_session_auth",
    "tcp_keepalive", "user_agent", "user_agent_appid", "user_agent_extra",
}  # fmt: skip
"""Options that tune boto3's own requests, such as those to STS. They do not change what is stored or where."""


def source_settings(stablecog_conn_id: str) -> SourceSettings:
    """Return how to reach the source. Masks the API key in logs from here on. Raises ConfigurationError."""
    try:
        connection = BaseHook.get_connection(stablecog_conn_id)
    except AirflowNotFoundException:
        raise ConfigurationError(
            f"the connection {stablecog_conn_id!r} does not exist",
            hint="create it with type Stablecog and the API key as its password",
        ) from None
    key = (connection.password or "").strip()
    for secret in (key, *Proxies.of(os.environ).secrets()):
        if secret:
            mask_secret(secret)
    try:
        extras = _extras(connection.extra_dejson)
        for secret in secrets_of(extras.get("headers", ())):
            mask_secret(secret)
        return SourceSettings(address=_address(connection), api_key=key, **extras)
    except ConfigurationError as error:
        raise ConfigurationError(f"connection {stablecog_conn_id!r}: {error.message}", hint=error.hint) from None


def store_settings(aws_conn_id: str | None) -> StoreSettings:
    """Return how to reach the store; None for boto3's own credentials.

    Raises ConfigurationError, and StoreUnavailable if the connection's role cannot be assumed now.

    S3Hook only warns if a connection is missing, and then writes with whatever credentials boto3 finds.
    """
    # A template or a form writes what is not there as text.
    aws_conn_id = None if (aws_conn_id or "").strip().lower() in ("", "none") else aws_conn_id
    if aws_conn_id is not None:
        try:
            BaseHook.get_connection(aws_conn_id)
        except AirflowNotFoundException:
            raise ConfigurationError(
                f"the AWS connection {aws_conn_id!r} does not exist",
                hint="create it, or set aws_conn_id=None to use the worker's own credentials",
            ) from None
    hook = S3Hook(aws_conn_id=aws_conn_id)
    subject = f"the AWS connection {aws_conn_id!r}" if aws_conn_id else "AWS credentials"
    config = _config(hook, subject)
    try:
        session = _session(hook)
    except ArchiveError as error:
        raise type(error)(f"{subject}: {error.message.removeprefix('AWS credentials: ')}", hint=error.hint) from None
    except Exception as error:  # The hook runs whatever provides the credentials, and raises what that raises.
        failure = credentials_error(error, subject)
    else:
        return StoreSettings(
            session=session,
            endpoint_url=hook.conn_config.get_service_endpoint_url("s3"),
            region=hook.region_name or session.region_name or getattr(config, "region_name", None),
            config=config,
            verify=hook.verify,
        )
    raise failure


def _session(hook: S3Hook) -> boto3.session.Session:
    """Return the session of `hook.get_session()`. If the connection has a role, this assumes it, through our network."""
    factory = SessionFactory(conn=hook.conn_config, config=hook.config)
    if hook.conn_config and factory.role_arn:
        basic = factory.basic_session
        route_credential_services(basic, aws_network(Network.of(os.environ), basic))
    return factory.create_session()


def _config(hook: S3Hook, subject: str) -> Config | None:
    """Return the connection's `config_kwargs`. Raises ConfigurationError for what cannot be used or followed."""
    try:
        connection = hook.conn_config
    except (BotoCoreError, AttributeError, NotImplementedError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{subject}: its extra cannot be used: {one_line(str(error))}",
            hint="correct the extra; `config_kwargs` takes the options of botocore's Config",
        ) from None
    given: Mapping[str, Any] = connection.extra_config.get("config_kwargs") or {}
    refused = sorted(given.keys() - _FOLLOWED - _OF_BOTO3_ALONE)
    of_s3 = given.get("s3")
    refused += sorted(f"s3.{name}" for name in (of_s3 if isinstance(of_s3, dict) else {}).keys() - _FOLLOWED_OF_S3)
    if refused:
        raise ConfigurationError(
            f"{subject}: config_kwargs contains {', '.join(refused)}, which the store's client cannot follow",
            hint="remove it from config_kwargs; for a proxy, set HTTPS_PROXY",
        )
    return connection.botocore_config


def _address(connection: Connection) -> str:
    """Return the API's address. A form and a JSON document write it whole; a URI splits it."""
    host = connection.host or DEFAULT_ADDRESS
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return f"{address.rstrip('/')}:{connection.port}" if connection.port else address


def _extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extras as keywords of SourceSettings, without empty ones. Raises ConfigurationError."""
    given = {name: value for name, value in extras.items() if value not in (None, "", [])}
    if unknown := sorted(given.keys() - {"image_hosts", "requests_per_second", "secret_headers"}):
        raise ConfigurationError(
            f"unknown extras: {', '.join(unknown)}",
            hint="the extras are `image_hosts`, `requests_per_second` and `secret_headers`",
        )
    if "secret_headers" in given:
        given["headers"] = _headers(given.pop("secret_headers"))
    if "image_hosts" in given:
        given["image_hosts"] = _image_hosts(given["image_hosts"])
    if "requests_per_second" in given:
        given["requests_per_second"] = _rate(given["requests_per_second"])
    return given


def _image_hosts(value: object) -> tuple[str, ...]:
    hosts = value.split(",") if isinstance(value, str) else value
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise ConfigurationError(
            "the extra `image_hosts` is not a list of hosts",
            hint="separate the hosts by commas: cdn.example.com, box:8080",
        )
    named = tuple(stripped for host in hosts if (stripped := host.strip()))
    AllowedHosts.of(named)
    return named


def _headers(value: object) -> Headers:
    """Return the headers of a JSON object, or of text with a header per line."""
    if isinstance(value, str):
        return parse_headers(value.splitlines())
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ConfigurationError(
            "the extra `secret_headers` is neither text nor an object of texts",
            hint="write 'Name: value', several headers on a line each, or a JSON object",
        )
    return checked_headers(value.items())


def _rate(value: Any) -> float:
    try:
        # True is the number 1 to Python, and a mistake to us.
        return float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ConfigurationError(
            "the extra `requests_per_second` is not a number", hint="write a number below 10, or omit it for 8"
        ) from None
