"""Image requests of aiohttp through a proxy: their options, and what their failures mean."""

from __future__ import annotations

from typing import Any

import aiohttp
from yarl import URL

from ...errors import ArchiveError, ImageRefused, SourceUnavailable
from ..redaction import redacted_url
from .network_errors import is_final, proxy_hint, proxy_refused
from .proxies import Proxy


def proxy_options(proxy: Proxy | None, target: URL) -> dict[str, Any]:
    """Return options of one request. The proxy's credentials are no part of its address, which some errors quote."""
    if proxy is None:
        return {}
    options: dict[str, Any] = {"proxy": proxy.url}
    if proxy.authorization:
        # A request for https has a head of its own for the proxy; one for http is itself sent to the proxy.
        place = "proxy_headers" if target.scheme == "https" else "headers"
        options[place] = {"Proxy-Authorization": proxy.authorization}
    return options


def login_refused(proxy: Proxy, target: URL) -> ImageRefused:
    """Return our error for a response 407 to a request over plain http, which only a proxy sends."""
    return ImageRefused(
        f"{redacted_url(target)}: {proxy_refused(proxy, 407)}", hint=proxy_hint(proxy, target.authority, 407)
    )


def is_of_connection(error: BaseException) -> bool:
    """Return whether a request with a proxy failed before the image host could answer."""
    return isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientConnectionError) and not isinstance(
        error, aiohttp.ServerTimeoutError
    )


def proxy_failure(error: BaseException, cause: str, proxy: Proxy, target: URL) -> ArchiveError:
    """Return our error for a request that failed at the proxy. `cause`: what failed, in a few words."""
    host = target.authority
    if isinstance(error, aiohttp.ClientHttpProxyError):
        message = f"{redacted_url(target)}: {proxy_refused(proxy, error.status, error.message)}"
        hint = proxy_hint(proxy, host, error.status)
        return ImageRefused(message, hint=hint) if is_final(error.status) else SourceUnavailable(message, hint=hint)
    return SourceUnavailable(
        f"cannot fetch {redacted_url(target)} through the proxy {proxy}: {cause}", hint=proxy_hint(proxy, host)
    )
