"""How to reach the source and the store, as plain values. Importing this imports no client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..archive.resilience.retry import SOURCE_RETRIES

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config

DEFAULT_ADDRESS = "https://api.stablecog.com"
REQUESTS_PER_SECOND = 8.0
"""Below 10, the service's limit for one client address."""
ATTEMPTS = SOURCE_RETRIES.attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """How to reach the account. The repr shows no secret, and no address: an unchecked one may hold a password.

    - `address`: the API's URL. https; http only for this machine and for hosts in `image_hosts`.
    - `api_key`: the account's API key.
    - `image_hosts`: `HOST` or `HOST:PORT` that images may come from besides `*.stablecog.com`. These may use plain http and
      private addresses.
    - `headers`: pairs of name and value that a gateway in front of the API wants. The values are secrets, like the key.
    - `requests_per_second`: above 0 and below 10, the service's limit for one client address.
    - `attempts`: how often a request is tried before the run stops.
    - `waits_here`: seconds that a run waits for retries of a request that is rate-limited, or that nothing was answered before;
      then it raises WaitElsewhere. None: as long as it takes.
    """

    address: str = field(default=DEFAULT_ADDRESS, repr=False)
    api_key: str = field(repr=False)
    image_hosts: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    requests_per_second: float = REQUESTS_PER_SECOND
    attempts: int = ATTEMPTS
    waits_here: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """How to reach the bucket.

    - `session`: the source of credentials; it refreshes them while a run is under way.
    - `endpoint_url`: the address of an S3-compatible store. None: the one boto3 is configured with, else AWS.
    - `region`: None: the session's.
    - `config`: boto3's settings for S3, on top of the session's. The addressing style is used; proxies are refused by name.
    - `verify`: as in boto3, a file or folder with the store's authorities. False is refused: certificates are always checked.
    """

    session: boto3.Session
    endpoint_url: str | None = field(default=None, repr=False)
    region: str | None = None
    config: Config | None = None
    verify: bool | str | None = None
