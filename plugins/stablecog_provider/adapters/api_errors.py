"""Translates failures of the API's client and refusals of the API into our errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import httpx

from ..errors import (
    ArchiveError,
    ConfigurationError,
    CredentialsRejected,
    RateLimited,
    SourceContradiction,
    SourceUnavailable,
)
from ..model.times import BEGINNING, FAR_FUTURE
from .http_dates import http_date, retry_after_seconds
from .local_limits import local_limit_of
from .network.network_errors import is_final, proxy_hint, proxy_refused
from .network.proxies import Proxy
from .redaction import one_line

PATH = "/v1/image/generation/outputs"
MODELS_PATH = "/v1/image/generation/models"
KEY_PLACE = "set the API key as the password of the connection (command line: STABLECOG_API_KEY)"
_GATEWAY = (
    "if a gateway in front of the API wants a header of its own, set the extra `secret_headers` of the connection (command "
    "line: STABLECOG_SOURCE_HEADERS)"
)
_REACH = (
    "check the address (--source, or the host of the connection) and that this machine can reach it; nothing is lost: run "
    "again once it responds"
)
_LONGEST_TEXT = 2000
"""Characters of a plain text that are looked at."""
Hide = Callable[[str], str]
"""Removes the API key and the values of headers from a text."""


def of_proxy(error: Exception, proxy: Proxy, host: str, address: str) -> ArchiveError:
    """Translate an exception of the way through a proxy: its refusal, or a connection that failed."""
    refused = re.match(r"(\d{3})\b(.*)", str(error)) if isinstance(error, httpx.ProxyError) else None
    if refused:
        status = int(refused[1])
        kind = ConfigurationError if is_final(status) else SourceUnavailable
        return kind(f"{address}: {proxy_refused(proxy, status, refused[2])}", hint=proxy_hint(proxy, host, status))
    return SourceUnavailable(
        f"the connection to {address} through the proxy {proxy} failed ({type(error).__name__}: {one_line(str(error))})",
        hint=proxy_hint(proxy, host),
    )


def of_exception(error: Exception, address: str, hide: Hide) -> ArchiveError:
    """Translate an exception of the HTTP library. Its text is left out if it may quote a header."""
    name = type(error).__name__
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return SourceUnavailable(f"{address} did not answer in time ({name})", hint=_REACH)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.InvalidURL):
        return ConfigurationError(f"no request can be sent to {address} ({name})", hint="check the address of the host")
    if isinstance(error, httpx.TransportError | httpx.DecodingError):
        if limit := local_limit_of(error):
            return SourceUnavailable(f"the request to {address} failed: {limit[0]}", hint=limit[1])
        return SourceUnavailable(
            f"the connection to {address} failed ({name}: {one_line(hide(str(error)))})",
            hint=_REACH if isinstance(error, httpx.ConnectError) else None,
        )
    return SourceContradiction(f"{address} could not be read ({name})")


def of_response(response: httpx.Response, body: bytes, parameters: Mapping[str, str], hide: Hide) -> ArchiveError:
    """Translate a response other than 2xx. 408, 425, 429 and 5xx are temporary; the others are not."""
    status = response.status_code
    text = one_line(_server_text(body, hide))
    answer = f"{response.request.url.netloc.decode()} answered {status}" + (f" ({text})" if text else "")
    if status in (401, 403):
        return CredentialsRejected(f"{answer}: it does not accept the API key", hint=f"{KEY_PLACE}; {_GATEWAY}")
    if status == 429:
        return RateLimited(answer, retry_after=_retry_after(response))
    if status in (408, 425) or status >= 500:
        return SourceUnavailable(answer, retry_after=_retry_after(response))
    if status < 400 or status in (404, 405, 410):
        why = "redirects are not followed, so that only this host gets the key" if status < 400 else f"it has no {PATH}"
        hint = f"set the address of the API itself, with the path prefix that a gateway gives it; {_GATEWAY}"
        return ConfigurationError(f"{answer}: {why}", hint=hint)
    asked = ", ".join(f"{name}={value}" for name, value in parameters.items()) or "no parameters"
    return SourceContradiction(
        f"{answer} to a listing request with {asked}",
        hint="check the address of the API; if it is right, the API may have changed: report this message",
    )


def of_public_response(response: httpx.Response, path: str) -> ArchiveError:
    """Translate a response other than 2xx to a request without the key, whose failure stops nothing."""
    answer = f"{response.request.url.netloc.decode()} answered {response.status_code} to {path}"
    if response.status_code == 429:
        return RateLimited(answer, retry_after=_retry_after(response))
    return SourceUnavailable(answer)


def source_time(response: httpx.Response) -> datetime:
    """Return the source's time in whole seconds, or this machine's if the response has none."""
    sent = http_date(response.headers.get("date"))
    return sent if sent and BEGINNING <= sent < FAR_FUTURE else datetime.now(UTC)


def _retry_after(response: httpx.Response) -> float | None:
    """Return `Retry-After` in seconds; a date counts from the source's own time."""
    return retry_after_seconds(response.headers.get("retry-after"), source_time(response))


def _server_text(body: bytes, hide: Hide) -> str:
    """Return the message of an error response: JSON's `error` and `description`, or plain text; empty for an HTML page.

    Secrets are removed before anything is cut off: a part of one would not be found.
    """
    with suppress(ValueError, RecursionError):
        document = json.loads(body)
        if isinstance(document, dict):
            return hide(": ".join(str(document[name]) for name in ("error", "description") if document.get(name)))
    text = hide(body.decode("utf-8", "replace"))[:_LONGEST_TEXT].strip()
    return "" if text.startswith("<") else text
