"""Images over HTTP, with aiohttp.

Only allowed hosts are asked, and each redirect is checked. Addresses are requested as the source spells them. Requests carry no
API key, no cookie and no credentials of the environment (netrc); those of a proxy are sent to the proxy only.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from ..archive.ports import ImageBody
from ..errors import ArchiveError, ImageGone, ImageRefused, ImageRejected, RateLimited, SourceUnavailable
from ..version import __version__
from .allowed_hosts import AllowedHosts
from .guarded_resolver import GuardedResolver, PrivateAddress
from .http_dates import http_date, retry_after_seconds
from .network.authorities import client_context
from .network.exact_url import exact_redirect, exact_url
from .network.image_proxy import is_of_connection, login_refused, proxy_failure, proxy_options
from .network.network import DIRECT, Network
from .network.network_errors import certificate_hint, certificate_message, certificate_reason
from .network.proxies import Proxy
from .redaction import one_line, redacted_url

MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_WORTH_ANOTHER_TRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
# ValueError: raised by resolvers and aiohttp for names that DNS does not allow.
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
_HEADERS = {
    "User-Agent": f"airflow-provider-stablecog/{__version__}",
    # AVIF is not named, because some hosts would convert their images to it. With `*/*`, a host that has another type sends it.
    "Accept": "image/jpeg, image/png, image/webp, */*;q=0.1",
    # An image is stored as received: a content coding would change its bytes and its declared length.
    "Accept-Encoding": "identity",
}
# Source: the IANA registry of HTTP content codings. Any other value (empty, `none`, `aws-chunked`, a character set) comes from an
# object's metadata and changes no byte: browsers ignore it, and a body that is coded after all is no image.
_CODINGS = {
    "aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip", "x-compress", "x-gzip", "zstd"
}  # fmt: skip
MAX_HEADER_BYTES, MAX_HEADERS = 256 * 1024, 1_000
"""Limits of a response's headers: bytes per line, and lines. Browsers allow 256 kB for all lines together."""


@dataclass(frozen=True, slots=True)
class HttpTimeouts:
    """Seconds to connect, between two reads, and for a whole image (a host that trickles bytes must not hold up a run)."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 900.0


class HttpImages:
    """An ImageSource. An async context manager, for one event loop.

    `allowed_hosts`: `HOST[:PORT]` texts, in addition to `*.stablecog.com`. Raises ConfigurationError if one is not a host.
    `network`: proxies and authorities.
    """

    def __init__(
        self,
        allowed_hosts: Sequence[str] = (),
        *,
        timeouts: HttpTimeouts = HttpTimeouts(),
        network: Network = DIRECT,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allowed = AllowedHosts.of(allowed_hosts)
        self._timeouts = timeouts
        self._network = network
        self._proxies: dict[tuple[str, str, int], Proxy | None] = {}
        self._proxy_places = set[tuple[str, int]]()
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = GuardedResolver(self._allowed, self._resolver or aiohttp.ThreadedResolver(), self._proxy_places)
        self._session = aiohttp.ClientSession(
            # `transfer` limits the open connections; a second limit here could only hide a bug there.
            connector=aiohttp.TCPConnector(
                limit=0, resolver=resolver, ttl_dns_cache=60, ssl=client_context(self._network.authorities)
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._timeouts.total, sock_connect=self._timeouts.connect, sock_read=self._timeouts.read
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
            **_header_limits(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        """Raises ImageGone, ImageRejected, ImageRefused, RateLimited, SourceUnavailable. Messages contain no query."""
        response = await self._follow(_parsed(url))
        try:
            yield _HttpBody(response)
        finally:
            response.release()

    async def _follow(self, target: URL) -> aiohttp.ClientResponse:
        for _ in range(MAX_REDIRECTS + 1):
            self._allowed.check(target)
            response = await self._ask(target)
            if response.status not in _REDIRECTS:
                try:
                    _check(response)
                except ArchiveError:
                    response.release()
                    raise
                return response
            location = response.headers.get("Location", "")
            response.release()
            target = _redirected(target, location)
        raise ImageRejected(f"more than {MAX_REDIRECTS} redirects, the last to {redacted_url(target)}")

    async def _ask(self, target: URL) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("HttpImages is not open: use it inside `async with`")
        proxy = self._proxy_for(target)
        try:
            response = await self._session.get(target, allow_redirects=False, **proxy_options(proxy, target))
        except _FAILURES as error:
            cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            failure: ArchiveError
            if reason := certificate_reason(error):
                failure = ImageRefused(
                    f"{redacted_url(target)}: {certificate_message(reason, target.authority, proxy)}",
                    hint=certificate_hint(reason, self._network.authorities.named_by),
                )
            elif proxy and is_of_connection(error):
                failure = proxy_failure(error, _cause(cause), proxy, target)
            elif isinstance(cause, PrivateAddress):
                failure = ImageRefused(f"{cause}: {redacted_url(target)}")
            elif _is_unreadable(cause):
                # Not SourceUnavailable: the host answers, and waiting for it would change nothing.
                failure = ImageRejected(
                    f"{redacted_url(target)}: the response cannot be read: {_unreadable(str(cause))}"
                )
            else:
                failure = SourceUnavailable(f"cannot fetch {redacted_url(target)}: {_cause(cause)}")
        else:
            if proxy is None or response.status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                return response
            response.release()
            failure = login_refused(proxy, target)
        # Outside the `except`: the chain of causes would include the whole address with its signature.
        raise failure

    def _proxy_for(self, target: URL) -> Proxy | None:
        """Return the proxy for an address that was checked."""
        place = target.scheme, target.host or "", target.port or 0
        if place not in self._proxies:
            proxy = self._network.proxies.choose(*place)
            self._proxies[place] = proxy
            if proxy:
                self._proxy_places.add((proxy.host, proxy.port))
        return self._proxies[place]


class _HttpBody:
    """An ImageBody. A body that ends early raises SourceUnavailable: over HTTP, that is a broken connection."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.declared_length = response.content_length

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except _FAILURES as error:
            failure = SourceUnavailable(f"the body of {redacted_url(self._response.url)} broke off: {_cause(error)}")
        else:
            return
        raise failure


def _parsed(url: str) -> URL:
    try:
        return exact_url(url)
    except ValueError:
        raise ImageRefused("the image's address cannot be read as a URL", hint="") from None


def _redirected(base: URL, location: str) -> URL:
    try:
        return exact_redirect(base, location)
    except ValueError:
        raise ImageRefused("the image's address redirects to what cannot be read as a URL", hint="") from None


def _check(response: aiohttp.ClientResponse) -> None:
    status = response.status
    codings = _codings(response)
    if status == HTTPStatus.OK and not codings:
        return
    where = redacted_url(response.url)
    if status == HTTPStatus.OK:
        raise ImageRejected(f"{where}: the response has a content coding that was not requested: {', '.join(codings)}")
    answered = f"{where}: the image host answered {status}{_phrase(status)}"
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise ImageGone(answered)
    # A `Retry-After` date counts against the host's own clock, not ours.
    now = http_date(response.headers.get("Date")) or datetime.now(UTC)
    wait = retry_after_seconds(response.headers.get("Retry-After"), now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimited(answered, retry_after=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _WORTH_ANOTHER_TRY:
        raise SourceUnavailable(answered, retry_after=wait)
    # 403 too: with signed addresses, a newer listing could help, but the source's addresses are not signed.
    raise ImageRejected(answered)


def _codings(response: aiohttp.ClientResponse) -> list[str]:
    """Return the codings that change the bytes of the body."""
    named = ",".join(response.headers.getall("Content-Encoding", [])).lower().split(",")
    return sorted(_CODINGS.intersection(each.strip() for each in named))


def _header_limits() -> dict[str, Any]:
    limits = {"max_line_size": MAX_HEADER_BYTES, "max_field_size": MAX_HEADER_BYTES, "max_headers": MAX_HEADERS}
    # aiohttp has a limit of lines, and this parameter, since version 3.13.4.
    known = inspect.signature(aiohttp.ClientSession).parameters
    return {name: limit for name, limit in limits.items() if name in known}


def _is_unreadable(error: BaseException) -> bool:
    """Whether aiohttp could not parse the head of a response. It raises this class for nothing else here, except for proxies."""
    return isinstance(error, aiohttp.ClientResponseError) and not isinstance(error, aiohttp.ClientHttpProxyError)


def _unreadable(text: str) -> str:
    """Return what is wrong with the head of a response. aiohttp's text quotes it, and it may contain a signature."""
    if "Got more than" in text:
        return f"a line of its headers is longer than {MAX_HEADER_BYTES} bytes"
    if "Too many headers" in text:
        return f"it has more than {MAX_HEADERS} header lines"
    return "its status line or headers are not valid HTTP"


def _phrase(status: int) -> str:
    return f" ({HTTPStatus(status).phrase})" if status in set(HTTPStatus) else ""


def _cause(error: BaseException) -> str:
    """Return what failed in a few words. The texts of some errors contain the whole URL, or internals of the library."""
    if isinstance(error, aiohttp.ClientPayloadError):
        received = re.search(r"received \d+ of \d+ bytes", str(error))
        return "the connection was lost" + (f" ({received[0]})" if received else "")
    text = one_line(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
