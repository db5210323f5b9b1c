"""Image requests through a proxy: what their failures mean."""

from __future__ import annotations

from http import HTTPStatus

from yarl import URL

from ...errors import ArchiveError, ImageRefused, SourceUnavailable
from ..redaction import redacted_url
from .network_errors import is_final, proxy_hint, proxy_refused
from .proxies import Proxy


def refused_by_proxy(proxy: Proxy, target: URL, status: int) -> ArchiveError:
    """Return our error for a proxy that answered a request for a connection, or one over plain http, with an error."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    message = f"{redacted_url(target)}: {proxy_refused(proxy, status, phrase)}"
    hint = proxy_hint(proxy, target.authority, status)
    return ImageRefused(message, hint=hint) if is_final(status) else SourceUnavailable(message, hint=hint)


def proxy_failed(proxy: Proxy, target: URL, cause: str) -> SourceUnavailable:
    """Return our error for a proxy that cannot be reached, or that closed the connection. `cause`: in a few words."""
    return SourceUnavailable(
        f"cannot fetch {redacted_url(target)} through the proxy {proxy}: {cause}",
        hint=proxy_hint(proxy, target.authority),
    )
