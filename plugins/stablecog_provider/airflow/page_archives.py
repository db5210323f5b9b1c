"""Which archives the page inside Airflow shows, and at which addresses. Needs no web framework: tasks link to them."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.object_keys import Layout
from ..web.archives import slug_of
from .arguments import address_of


def layouts_of(environ: Mapping[str, str]) -> list[Layout]:
    """The archives of STABLECOG_PAGE_ARCHIVES (addresses, separated by commas), or the one that our DAGs write to.

    Raises ConfigurationError for an address that cannot be used.
    """
    listed = [text.strip() for text in environ.get("STABLECOG_PAGE_ARCHIVES", "").split(",")]
    if any(listed):
        return list(dict.fromkeys(address_of("STABLECOG_PAGE_ARCHIVES", text) for text in listed if text))
    bucket = environ.get("STABLECOG_ARCHIVE_BUCKET", "")
    prefix = environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")
    return [address_of("STABLECOG_ARCHIVE_BUCKET", f"s3://{bucket}/{prefix}")] if bucket else []


def page_of(layout: Layout, root: str, environ: Mapping[str, str]) -> str:
    """Return the path of the archive's page, with a closing slash; empty if the page does not show the archive. `root`: where
    the page is.

    Raises ConfigurationError for an address that cannot be used.
    """
    return f"{root}/{slug_of(layout)}/" if layout in layouts_of(environ) else ""
