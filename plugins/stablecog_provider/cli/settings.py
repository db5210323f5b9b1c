"""Turns options and environment into plain settings. The API key comes from the environment or a file: `ps` shows options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..adapters.settings import DEFAULT_ADDRESS, SourceSettings, StoreSettings
from ..adapters.source_headers import Headers, parse_headers
from ..errors import ConfigurationError

API_KEY = "STABLECOG_API_KEY"
API_KEY_FILE = "STABLECOG_API_KEY_FILE"
"""The file that holds the key, as systemd's `LoadCredential` and container secrets provide it."""
SOURCE_HEADERS = "STABLECOG_SOURCE_HEADERS"
"""Headers for a gateway in front of the API, one per line. As an option, a secret would be visible in the process list."""
LONGEST_KEY_FILE = 4096
"""Characters. A longer file is not a key: somebody has named the wrong one."""


def source_settings(
    environ: Mapping[str, str],
    address: str | None,
    image_hosts: Sequence[str] | None,
    headers: Sequence[str] | None = None,
) -> SourceSettings:
    """Return how to reach the source. Raises ConfigurationError if there is no key, or a header that cannot be sent."""
    key = environ.get(API_KEY, "").strip() or _key_in_file(environ.get(API_KEY_FILE, "").strip())
    if not key:
        raise ConfigurationError(
            f"{API_KEY} is not set in the environment",
            hint=f"set it to the account's API key: export {API_KEY}=sc-...; or set {API_KEY_FILE} to a file that holds it",
        )
    return SourceSettings(
        address=address or DEFAULT_ADDRESS,
        api_key=key,
        image_hosts=tuple(image_hosts or ()),
        headers=source_headers(environ, headers or ()),
    )


def source_headers(environ: Mapping[str, str], typed: Sequence[str]) -> Headers:
    """Return the headers of the environment and of the options, which win. Raises ConfigurationError, which quotes no value."""
    of_options = parse_headers(typed)
    named = {name.lower() for name, _ in of_options}
    of_environ = parse_headers(environ.get(SOURCE_HEADERS, "").splitlines())
    return (*(pair for pair in of_environ if pair[0].lower() not in named), *of_options)


def _key_in_file(path: str) -> str:
    """Return the key in the file; empty if no file is named. Raises ConfigurationError, which never quotes the file's content."""
    if not path:
        return ""
    try:
        with Path(path).open(encoding="utf-8") as file:
            key = file.read(LONGEST_KEY_FILE + 1).strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(
            f"{API_KEY_FILE}: {path} cannot be read: {reason}",
            hint="name a file that holds the API key and nothing else",
        ) from None
    if not key or len(key) > LONGEST_KEY_FILE or len(key.split()) > 1:
        raise ConfigurationError(
            f"{API_KEY_FILE}: {path} does not hold exactly one key",
            hint="write the API key, and nothing else, into the file",
        )
    return key


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
