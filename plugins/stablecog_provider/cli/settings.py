"""Turns options and environment into plain settings. The API key comes only from the environment: `ps` shows options."""

from __future__ import annotations

from collections.abc import Mapping

from ..adapters.settings import DEFAULT_ADDRESS, SourceSettings, StoreSettings
from ..errors import ConfigurationError

API_KEY = "STABLECOG_API_KEY"


def source_settings(environ: Mapping[str, str], address: str | None, image_hosts: list[str] | None) -> SourceSettings:
    """Return how to reach the source. Raises ConfigurationError if there is no key."""
    key = environ.get(API_KEY, "").strip()
    if not key:
        raise ConfigurationError(
            f"{API_KEY} is not set in the environment", hint=f"set it to the account's API key: export {API_KEY}=sc-..."
        )
    return SourceSettings(address=address or DEFAULT_ADDRESS, api_key=key, image_hosts=tuple(image_hosts or ()))


def store_settings(environ: Mapping[str, str], endpoint_url: str | None) -> StoreSettings:
    """Return how to reach the store. boto3 itself finds credentials, region and (unless given) the endpoint.

    Raises ConfigurationError.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        # botocore reads AWS_DEFAULT_REGION alone; AWS's other tools, and its own services, set AWS_REGION.
        session = boto3.Session(region_name=environ.get("AWS_REGION") or None)
        return StoreSettings(session=session, endpoint_url=endpoint_url)
    except BotoCoreError as error:
        raise ConfigurationError(f"AWS settings: {error}", hint="correct the AWS_* variables or the profile") from None
