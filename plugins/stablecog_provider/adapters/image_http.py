"""Images over HTTP, with libcurl (`transport/`).

Only allowed hosts are asked, and each redirect is checked. Addresses are requested as the source spells them. Requests carry no
API key, no cookie and no credentials of the environment (netrc); those of a proxy are sent to the proxy only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

import pycurl
from yarl import URL

from ..archive.ports import ImageBody
from ..errors import (
    ArchiveError,
    ImageDenied,
    ImageGone,
    ImageRefused,
    ImageRejected,
    LocalLimit,
    RateLimited,
    SourceUnavailable,
)
from ..version import __version__
from .allowed_hosts import AllowedHosts
from .http_dates import http_date, retry_after_seconds
from .local_limits import local_limit_of
from .network.authorities import authority_file
from .network.exact_url import exact_redirect, exact_url
from .network.image_proxy import proxy_failed, refused_by_proxy
from .network.network import DIRECT, Network
from .network.network_errors import certificate_hint, certificate_message
from .network.proxies import Proxy
from .redaction import redacted_url
from .transport.curl_errors import MAX_HEAD_BYTES, MAX_LINE_BYTES, CurlError
from .transport.download import Download
from .transport.guard import AddressGuard
from .transport.handles import HandleOptions
from .transport.loop import CurlLoop
from .transport.response_head import MAX_HEADERS, ResponseHead, TooManyHeaders

MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_WORTH_ANOTHER_TRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
_HEADERS = [
    # AVIF is not named, because some hosts would convert their images to it. With `*/*`, a host that has another type sends it.
    "Accept: image/jpeg, image/png, image/webp, */*;q=0.1",
    # An image is stored as received: a content coding would change its bytes and its declared length.
    "Accept-Encoding: identity",
    # libcurl's own for proxies, which nothing needs.
    "Proxy-Connection:",
]
# Source: the IANA registry of HTTP content codings. Any other value (empty, `none`, `aws-chunked`, a character set) comes from an
# object's metadata and changes no byte: browsers ignore it, and a body that is coded after all is no image.
_CODINGS = {
    "aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip", "x-compress", "x-gzip", "zstd"
}  # fmt: skip
Resolver = Callable[[str, int], tuple[Sequence[str], int]]
"""Returns the addresses of a host name, and the port to connect to instead of its own."""


@dataclass(frozen=True, slots=True)
class HttpTimeouts:
    """Seconds to connect, between two reads, and for a whole image (a host that trickles bytes must not hold up a run)."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 900.0


class HttpImages:
    """An ImageSource. An async context manager, for one event loop.

    `allowed_hosts`: `HOST[:PORT]` texts, in addition to `*.stablecog.com`. Raises ConfigurationError if one is not a host.
    `network`: proxies and authorities. `resolver`: instead of this machine's, for tests.
    """

    def __init__(
        self,
        allowed_hosts: Sequence[str] = (),
        *,
        timeouts: HttpTimeouts = HttpTimeouts(),
        network: Network = DIRECT,
        resolver: Resolver | None = None,
    ) -> None:
        self._allowed = AllowedHosts.of(allowed_hosts)
        self._timeouts = timeouts
        self._network = network
        self._proxies: dict[tuple[str, str, int], Proxy | None] = {}
        self._resolver = resolver
        self._handles: dict[tuple[Proxy | None, bool], list[pycurl.Curl]] = {}
        self._curl: CurlLoop | None = None

    async def __aenter__(self) -> Self:
        self._options = HandleOptions(
            connect=self._timeouts.connect,
            total=self._timeouts.total,
            authorities=authority_file(self._network.authorities),
            user_agent=f"airflow-provider-stablecog/{__version__}",
        )
        self._curl = CurlLoop(check_every=min(1.0, self._timeouts.read / 4))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._curl:
            self._curl.close()
            self._curl = None
            self._handles.clear()

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        """Raises ImageGone, ImageRejected, ImageRefused, LocalLimit, RateLimited, SourceUnavailable.

        Messages contain no query.
        """
        target = _parsed(url)
        for _ in range(MAX_REDIRECTS + 1):
            self._allowed.check(target)
            async with self._asked(target) as (download, head):
                if head.status not in _REDIRECTS:
                    _check(target, head)
                    yield _HttpBody(target, download, head.declared_length)
                    return
            target = _redirected(target, head.get("location") or "")
        raise ImageRejected(f"more than {MAX_REDIRECTS} redirects, the last to {redacted_url(target)}")

    @asynccontextmanager
    async def _asked(self, target: URL) -> AsyncIterator[tuple[Download, ResponseHead]]:
        """Request an address that was checked, and wait for the head of the response."""
        if self._curl is None:
            raise RuntimeError("HttpImages is not open: use it inside `async with`")
        proxy = self._proxy_for(target)
        # What lies behind a proxy, only the proxy can check.
        guard = None if proxy or self._allowed.is_named(target.raw_host or "", target.port or 0) else AddressGuard()
        idle = self._handles.setdefault((proxy, guard is not None), [])
        handle = idle.pop() if idle else self._handle(proxy)
        handle.setopt(pycurl.URL, str(target))
        # libcurl writes `%c3` as `%C3` in a path of its own.
        through = proxy and target.scheme == "http"
        handle.setopt(pycurl.REQUEST_TARGET, str(target) if through else target.raw_path_qs)
        if guard:
            handle.setopt(pycurl.OPENSOCKETFUNCTION, guard.opened)
        if self._resolver:
            _resolve(handle, target, self._resolver)
        download = Download(self._curl, handle, self._timeouts.read)
        try:
            yield download, await self._head(download, target, proxy, guard)
        finally:
            download.close()
            idle.append(handle)

    async def _head(
        self, download: Download, target: URL, proxy: Proxy | None, guard: AddressGuard | None
    ) -> ResponseHead:
        failure: ArchiveError
        try:
            head = await download.head()
        except TooManyHeaders:
            failure = _unreadable(target, f"it has more than {MAX_HEADERS} header lines")
        except CurlError as error:
            failure = self._failure(error, target, proxy, guard)
        else:
            if proxy is None or head.status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                return head
            failure = refused_by_proxy(proxy, target, head.status)
        # Outside the `except`: the chain of causes would include libcurl's texts.
        raise failure

    def _handle(self, proxy: Proxy | None) -> pycurl.Curl:
        handle = self._options.handle(proxy)
        handle.setopt(pycurl.HTTPHEADER, _HEADERS)
        return handle

    def _failure(self, error: CurlError, target: URL, proxy: Proxy | None, guard: AddressGuard | None) -> ArchiveError:
        where = redacted_url(target)
        if reason := error.certificate_reason:
            return ImageRefused(
                f"{where}: {certificate_message(reason, target.authority, proxy)}",
                hint=certificate_hint(reason, self._network.authorities.named_by),
            )
        if guard and guard.refused:
            return ImageRefused(f"{target.host} resolves to an address that is not public: {where}")
        if limit := (local_limit_of(guard.failure) if guard and guard.failure else error.local_limit):
            return LocalLimit(f"cannot fetch {where}: {limit[0]}", hint=limit[1])
        if error.is_unreadable:
            # Not SourceUnavailable: the host answers, and waiting for it would change nothing.
            return _unreadable(target, _wrong_with_head(error))
        if proxy and error.refused_by_proxy:
            return refused_by_proxy(proxy, target, error.refused_by_proxy)
        if proxy and error.is_of_connection:
            return proxy_failed(proxy, target, error.words())
        cause = str(guard.failure.strerror) if guard and guard.failure else error.words()
        return SourceUnavailable(f"cannot fetch {where}: {cause}")

    def _proxy_for(self, target: URL) -> Proxy | None:
        """Return the proxy for an address that was checked."""
        place = target.scheme, target.host or "", target.port or 0
        if place not in self._proxies:
            self._proxies[place] = self._network.proxies.choose(*place)
        return self._proxies[place]


@dataclass(slots=True)
class _HttpBody:
    """An ImageBody. A body that ends early raises SourceUnavailable: over HTTP, that is a broken connection."""

    target: URL
    download: Download
    declared_length: int | None

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self.download.chunks():
                yield chunk
        except CurlError as error:
            failure = SourceUnavailable(f"the body of {redacted_url(self.target)} broke off: {error.words()}")
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


def _resolve(handle: pycurl.Curl, target: URL, resolver: Resolver) -> None:
    host, own_port = target.raw_host or "", target.port or 0
    addresses, port = resolver(host, own_port)
    found = ",".join(f"[{each}]" if ":" in each else each for each in addresses)
    handle.setopt(pycurl.RESOLVE, [f"{host}:{port}:{found}"])
    handle.setopt(pycurl.CONNECT_TO, [f"{host}:{own_port}:{host}:{port}"])


def _check(target: URL, head: ResponseHead) -> None:
    status, codings = head.status, _codings(head)
    if status == HTTPStatus.OK and not codings:
        return
    where = redacted_url(target)
    if status == HTTPStatus.OK:
        raise ImageRejected(f"{where}: the response has a content coding that was not requested: {', '.join(codings)}")
    answered = f"{where}: the image host answered {status}{_phrase(status)}"
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise ImageGone(answered)
    # A `Retry-After` date counts against the host's own clock, not ours.
    now = http_date(head.get("date")) or datetime.now(UTC)
    wait = retry_after_seconds(head.get("retry-after"), now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimited(answered, retry_after=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _WORTH_ANOTHER_TRY:
        raise SourceUnavailable(answered, retry_after=wait)
    # 403 too: with signed addresses, a newer listing could help, but the source's addresses are not signed.
    raise (ImageDenied if status >= HTTPStatus.BAD_REQUEST else ImageRejected)(answered)


def _codings(head: ResponseHead) -> list[str]:
    """Return the codings that change the bytes of the body."""
    named = ",".join(head.all("content-encoding")).lower().split(",")
    return sorted(_CODINGS.intersection(each.strip() for each in named))


def _unreadable(target: URL, what: str) -> ImageRejected:
    return ImageRejected(f"{redacted_url(target)}: the response cannot be read: {what}")


def _wrong_with_head(error: CurlError) -> str:
    """Return what is wrong with the head of a response, without quoting it: it may contain a signature."""
    if "Too many response headers" in error.text:
        return f"it has more than {MAX_HEADERS} header lines"
    if error.is_too_large:
        return f"a line of its headers is longer than {MAX_LINE_BYTES} bytes, or all of them than {MAX_HEAD_BYTES}"
    return "its status line or headers are not valid HTTP"


def _phrase(status: int) -> str:
    return f" ({HTTPStatus(status).phrase})" if status in set(HTTPStatus) else ""
