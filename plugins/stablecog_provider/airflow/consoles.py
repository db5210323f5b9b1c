"""Where a person looks at the objects of an archive: the AWS console, or the console of another store."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from ..adapters.settings import StoreSettings
from ..adapters.store_address import store_address
from ..errors import ConfigurationError
from ..model.object_keys import Layout

EXTRA = "stablecog_console_url"
"""The extra of an AWS connection that says where the console of its endpoint is."""
_DOMAINS = {"aws": "aws.amazon.com", "aws-cn": "amazonaws.cn", "aws-us-gov": "amazonaws-us-gov.com"}
"""By partition of AWS."""
_OF_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True, slots=True)
class Console:
    """The console of a bucket. `folder_url` and `object_url` hold `{bucket}` and `{key}`; empty if there is no console."""

    bucket: str
    folder_url: str = ""
    object_url: str = ""

    def folder(self, key: str) -> str:
        """Return the address of a folder, whose key ends with a slash. Empty if there is no console."""
        return _filled(self.folder_url, self.bucket, key)

    def object(self, key: str) -> str:
        return _filled(self.object_url, self.bucket, key)


def console_of(layout: Layout, store: StoreSettings, console_url: str = "") -> Console:
    """Return the console of the archive's bucket. `console_url`: of the connection, for a store that is not AWS.

    Raises ConfigurationError for a `console_url` that no browser should be sent to.
    """
    if console_url:
        checked = _checked(console_url)
        return Console(layout.bucket, checked, checked)
    try:
        found = store_address(
            store.session, layout.bucket, endpoint_url=store.endpoint_url, region=store.region, config=store.config
        )
    except ConfigurationError:
        # The run reports it.
        return Console(layout.bucket)
    if not (urlsplit(found.endpoint).hostname or "").endswith(_OF_AWS):
        return Console(layout.bucket)
    try:
        domain = _DOMAINS[store.session.get_partition_for_region(found.region)]
    except Exception:  # A region or a partition that boto3 or we do not know: a link less.
        return Console(layout.bucket)
    query = urlencode({"region": found.region}) + "&prefix={key}"
    return Console(
        layout.bucket,
        f"https://console.{domain}/s3/buckets/{{bucket}}?{query}",
        f"https://console.{domain}/s3/object/{{bucket}}?{query}",
    )


def _filled(template: str, bucket: str, key: str) -> str:
    return template.replace("{bucket}", quote(bucket, safe="")).replace("{key}", quote(key))


def _checked(url: str) -> str:
    """Return the address. It is shown to everybody who sees the task, so it must hold no password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"the extra `{EXTRA}` is not the address of a console",
            hint="write https://HOST/..., without a password; {bucket} and {key} are filled in",
        )
    return url
