"""Images over HTTP, by aiohttp (the fastest of the Python clients measured, see the design).

Asks allowed hosts only, hop by hop, and tells them nothing: no API key, no cookie, no proxy or netrc of the environment.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from .. import __version__
from ..archive.ports import ImageBody
from ..archive.resilience.retry import http_date, retry_after_seconds
from ..errors import ArchiveError, ImageGone, ImageRefused, ImageRejected, RateLimited, SourceUnavailable
from .allowed_hosts import AllowedHosts, shown
from .guarded_resolver import GuardedResolver, PrivateAddress

MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_WORTH_ANOTHER_TRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
# ValueError: what resolvers and aiohttp make of a name that no DNS can hold.
_TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
_HEADERS = {
    "User-Agent": f"airflow-provider-stablecog/{__version__}",
    "Accept": "image/jpeg, image/png, image/webp",
    # An image is stored as it is: a coding would change its bytes and its declared length.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class HttpTimeouts:
    """In seconds: to connect, between two reads, and for one image as a whole (a host that trickles must not hold a run)."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 900.0


class HttpImages:
    """An ImageSource; an async context manager, of one event loop.

    `allowed_hosts`: `HOST[:PORT]` besides `*.stablecog.com`. Raises ConfigurationError for a text that is no host.
    """

    def __init__(
        self,
        allowed_hosts: Sequence[str] = (),
        *,
        timeouts: HttpTimeouts = HttpTimeouts(),
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allowed = AllowedHosts.of(allowed_hosts)
        self._timeouts = timeouts
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = GuardedResolver(self._allowed, self._resolver or aiohttp.ThreadedResolver())
        self._session = aiohttp.ClientSession(
            # `transfer` bounds how many are open; a second bound here could only hide a mistake there.
            connector=aiohttp.TCPConnector(limit=0, resolver=resolver, ttl_dns_cache=60),
            timeout=aiohttp.ClientTimeout(
                total=self._timeouts.total, sock_connect=self._timeouts.connect, sock_read=self._timeouts.read
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        """Raises ImageGone, ImageRejected, ImageRefused, RateLimited, SourceUnavailable; messages bear no query."""
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
            target = target.join(_parsed(location))
        raise ImageRejected(f"more than {MAX_REDIRECTS} redirects, the last to {shown(target)}")

    async def _ask(self, target: URL) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("HttpImages is used inside `async with`")
        try:
            return await self._session.get(target, allow_redirects=False)
        except _TROUBLE as error:
            cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            failure: ArchiveError
            if isinstance(cause, PrivateAddress):
                failure = ImageRefused(f"{cause}: {shown(target)}")
            else:
                failure = SourceUnavailable(f"cannot fetch {shown(target)}: {_cause(cause)}")
        # Outside the `except`: the chain of causes would lead to the whole address, signature included.
        raise failure


class _HttpBody:
    """An ImageBody. A body that ends early raises SourceUnavailable: over HTTP it is a connection that broke."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.declared_length = response.content_length

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except _TROUBLE as error:
            failure = SourceUnavailable(f"the body of {shown(self._response.url)} broke off: {_cause(error)}")
        else:
            return
        raise failure


def _parsed(url: str) -> URL:
    try:
        return URL(url)
    except ValueError:
        raise ImageRefused("the image's address cannot be read as a URL", hint="") from None


def _check(response: aiohttp.ClientResponse) -> None:
    status = response.status
    coding = response.headers.get("Content-Encoding", "identity").lower()
    if status == HTTPStatus.OK and coding == "identity":
        return
    where = shown(response.url)
    if status == HTTPStatus.OK:
        raise ImageRejected(f"{where} came with a coding that nobody asked for: {coding[:40]!r}")
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
    # 403 as well: a fresh record would help against a signature that expired, but these addresses are plain and do not.
    raise ImageRejected(answered)


def _phrase(status: int) -> str:
    return f" ({HTTPStatus(status).phrase})" if status in set(HTTPStatus) else ""


def _cause(error: BaseException) -> str:
    """What went wrong in a few words; the texts of some errors repeat the whole URL, or tell of the library's insides."""
    if isinstance(error, aiohttp.ClientPayloadError):
        received = re.search(r"received \d+ of \d+ bytes", str(error))
        return "the connection was lost" + (f" ({received[0]})" if received else "")
    plain = "".join(mark if mark.isprintable() else " " for mark in str(error))
    text = " ".join(re.sub(r"\w+://\S+", "(URL)", plain).split())
    return f"{type(error).__name__}{': ' if text else ''}{text[:200]}"
