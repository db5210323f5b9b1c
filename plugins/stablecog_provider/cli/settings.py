"""From options and environment to plain settings. The API key is taken from the environment only: options stand in `ps`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ..adapters.assembly import SourceSettings, StoreSettings

API_KEY = "STABLECOG_API_KEY"


def source_settings(environ: Mapping[str, str], address: str | None, image_hosts: list[str] | None) -> SourceSettings:
    """Raises ConfigurationError where there is no key."""
    from ..adapters.assembly import SourceSettings
    from ..adapters.stablecog_api import DEFAULT_ADDRESS

    key = environ.get(API_KEY, "").strip()
    if not key:
        raise ConfigurationError(
            f"the environment has no {API_KEY}", hint=f"put the account's API key there: export {API_KEY}=sc-..."
        )
    return SourceSettings(address=address or DEFAULT_ADDRESS, api_key=key, image_hosts=tuple(image_hosts or ()))


def store_settings(environ: Mapping[str, str], endpoint_url: str | None) -> StoreSettings:
    """Credentials, region and, where no option names it, the endpoint are boto3's own affair: variables, profiles, roles.

    Raises ConfigurationError.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    from ..adapters.assembly import StoreSettings

    try:
        # botocore reads AWS_DEFAULT_REGION alone; AWS's other tools, and its own services, set AWS_REGION.
        session = boto3.Session(region_name=environ.get("AWS_REGION") or None)
        return StoreSettings(session=session, endpoint_url=endpoint_url)
    except BotoCoreError as error:
        raise ConfigurationError(f"AWS settings: {error}", hint="mend the AWS_* variables or the profile") from None
