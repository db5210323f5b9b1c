"""Turns Airflow's connections into plain settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import BaseHook, Connection
from airflow.sdk.log import mask_secret
from botocore.exceptions import BotoCoreError

from ..adapters.allowed_hosts import AllowedHosts
from ..adapters.settings import DEFAULT_ADDRESS, SourceSettings, StoreSettings
from ..errors import ConfigurationError


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
    if key:
        mask_secret(key)
    try:
        extras = _extras(connection.extra_dejson)
        return SourceSettings(address=_address(connection), api_key=key, **extras)
    except ConfigurationError as error:
        raise ConfigurationError(f"connection {stablecog_conn_id!r}: {error.message}", hint=error.hint) from None


def store_settings(aws_conn_id: str | None) -> StoreSettings:
    """Return how to reach the store; None for boto3's own credentials. Raises ConfigurationError.

    S3Hook only warns if a connection is missing, and then writes with whatever credentials boto3 finds.
    """
    if aws_conn_id is not None:
        try:
            BaseHook.get_connection(aws_conn_id)
        except AirflowNotFoundException:
            raise ConfigurationError(
                f"the AWS connection {aws_conn_id!r} does not exist",
                hint="create it, or set aws_conn_id=None to use the worker's own credentials",
            ) from None
    hook = S3Hook(aws_conn_id=aws_conn_id)
    try:
        session = hook.get_session()
    except BotoCoreError as error:
        raise ConfigurationError(
            f"the AWS connection {aws_conn_id!r} cannot be used ({type(error).__name__})",
            hint="check its profile, region and role",
        ) from None
    return StoreSettings(
        session=session,
        endpoint_url=hook.conn_config.get_service_endpoint_url("s3"),
        region=hook.region_name or session.region_name,
        verify=hook.verify,
    )


def _address(connection: Connection) -> str:
    """Return the API's address. A form and a JSON document write it whole; a URI splits it."""
    host = connection.host or DEFAULT_ADDRESS
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return f"{address.rstrip('/')}:{connection.port}" if connection.port else address


def _extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extras as keywords of SourceSettings, without empty ones. Raises ConfigurationError."""
    given = {name: value for name, value in extras.items() if value not in (None, "", [])}
    if unknown := sorted(given.keys() - {"image_hosts", "requests_per_second"}):
        raise ConfigurationError(
            f"unknown extras: {', '.join(unknown)}", hint="the extras are `image_hosts` and `requests_per_second`"
        )
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


def _rate(value: Any) -> float:
    try:
        # True is the number 1 to Python, and a mistake to us.
        return float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ConfigurationError(
            "the extra `requests_per_second` is not a number", hint="write a number below 10, or omit it for 8"
        ) from None
