"""The source: Stablecog's listing of generation outputs, and its public list of models, with httpx.

The key and the headers of a gateway are sent to the API's host only: redirects are not followed, and no message, log line or
repr contains them. `api_errors` translates every failure to one of our errors.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import re
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Self, TypeVar

import httpx

from ..archive.naming.ports import Answer
from ..archive.resilience.rate_limit import RateLimiter
from ..archive.resilience.retry import SOURCE_RETRIES, Sleep, WaitElsewhere
from ..errors import (
    ArchiveError,
    ConfigurationError,
    RateLimited,
    SourceContradiction,
    SourceUnavailable,
)
from ..model.model_listing import parse_models
from ..model.page import Page, PageQuery, parse_page
from ..model.times import format_instant
from ..version import __version__
from .allowed_hosts import AllowedHosts
from .api_errors import (
    KEY_PLACE,
    MODELS_PATH,
    PATH,
    Hide,
    of_exception,
    of_proxy,
    of_public_response,
    of_response,
    source_time,
)
from .network.authorities import client_context
from .network.network import DIRECT, Network
from .network.network_errors import certificate_hint, certificate_message, certificate_reason
from .network.proxies import Proxy
from .redaction import drop_debug_records, hiding, one_line
from .settings import ATTEMPTS, DEFAULT_ADDRESS, REQUESTS_PER_SECOND
from .source_headers import Headers, checked_headers, secrets_of

RATE_LIMIT = 10.0
"""Requests per second: the service's limit for one client address."""
MODELS_TIMEOUT = 10.0
"""Seconds for the list of models: a run waits for it."""
MAX_BODY = 16 * 1024 * 1024
"""Bytes after decompression; 300 outputs have about 0.3 MB. As Python values, hostile JSON takes up to 30 times its size."""

T = TypeVar("T")


class StablecogApi:
    """Ports `Source` and `ModelSource`. An async context manager, for one event loop. Raises ConfigurationError.

    `address`: https, or http for loopback and the `plain_http_hosts` (`host` or `host:port`). `timeout`: seconds for a whole
    attempt. `headers`: what a gateway in front of the API wants; like the key, they are sent to this address alone and shown
    nowhere. `network`: proxies and authorities; plain http uses no proxy, because a proxy would see the key. Tests replace
    `transport`, `sleep` and `monotonic`.
    """

    def __init__(
        self,
        address: str,
        api_key: str,
        *,
        requests_per_second: float = REQUESTS_PER_SECOND,
        attempts: int = ATTEMPTS,
        waits_here: float | None = None,
        timeout: float = 60.0,
        plain_http_hosts: Collection[str] = (),
        headers: Headers = (),
        max_body: int = MAX_BODY,
        network: Network = DIRECT,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = _checked_address(address, plain_http_hosts)
        self.requests = 0
        self._headers = checked_headers(headers)
        key = _checked_key(api_key)
        self._hide = hiding((key, *secrets_of(self._headers)))
        if not 0 < requests_per_second < RATE_LIMIT:
            raise ConfigurationError(
                f"{requests_per_second:g} requests per second is not a rate that this source allows",
                hint=f"choose a rate above 0 and below {RATE_LIMIT:g}, the source's limit per client address",
            )
        # It logs the headers of responses, in which a gateway may repeat those of the request.
        drop_debug_records("httpcore.http11")
        self._limiter = RateLimiter(1 / requests_per_second, sleep, monotonic)
        self._retries = replace(SOURCE_RETRIES, attempts=attempts, here=math.inf if waits_here is None else waits_here)
        self._has_answered = False
        self._sleep, self._timeout, self._max_body = sleep, timeout, max_body
        encrypted = self.address.startswith("https://")
        self._proxy = network.proxies.choose_for(self.address) if encrypted else None
        self._named_by = network.authorities.named_by
        # For plain http: a context that trusts nobody, and takes no time to make.
        context = client_context(network.authorities) if encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.AsyncClient(
            headers={
                "User-Agent": f"airflow-provider-stablecog/{__version__}",
                **dict(self._headers),
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            },
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            follow_redirects=False,
            trust_env=False,
            verify=context,
            proxy=_httpx_proxy(self._proxy, context),
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"StablecogApi({self.address!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def page(self, query: PageQuery) -> Page:
        """Read one page. Raises ConfigurationError, SourceContradiction, and TransientError after its retries; WaitElsewhere if
        that was set.
        """
        # One page of many may fail for good. Whoever reads it knows what to do then, and a wait elsewhere would not end that.
        elsewhere = (RateLimited,) if self._has_answered else (RateLimited, SourceUnavailable)
        retries = replace(self._retries, elsewhere=elsewhere)
        try:
            page = await retries.call(partial(self._attempt, _parameters(query)), self._sleep)
        except WaitElsewhere as wait:
            wait.answered = self._has_answered
            raise
        self._has_answered = True
        return page

    async def models(self) -> Answer:
        """Read the list of models, without the key and without retries: no run may wait for names. Raises ArchiveError."""
        response, body = await self._sent(MODELS_PATH, {}, min(self._timeout, MODELS_TIMEOUT), with_key=False)
        return Answer(_parsed(body, response, self._hide, parse_models), source_time(response))

    async def _attempt(self, parameters: Mapping[str, str]) -> Page:
        response, body = await self._sent(PATH, parameters, self._timeout)
        sent = source_time(response)
        return _parsed(body, response, self._hide, lambda document: parse_page(document, sent))

    async def _sent(
        self, path: str, parameters: Mapping[str, str], seconds: float, *, with_key: bool = True
    ) -> tuple[httpx.Response, bytes]:
        """Send one request. Returns the answer if it is a success, with its body. Raises ArchiveError."""
        asked_at = await self._limiter.acquire()
        self.requests += 1
        try:
            request = self._client.build_request("GET", self.address + path, params=dict(parameters))
            if not with_key:
                del request.headers["Authorization"]
            async with asyncio.timeout(seconds), AsyncExitStack() as opened:
                response = await self._client.send(request, stream=True)
                opened.push_async_callback(response.aclose)
                body = await self._read(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as error:
            failure = self._of_exception(error)
        else:
            if response.is_success:
                self._limiter.succeeded()
                return response, body
            hide = self._hide
            failure = of_response(response, body, parameters, hide) if with_key else of_public_response(response, path)
        if isinstance(failure, RateLimited):
            self._limiter.throttled(asked_at, self._retries.pause_for(failure))
        # Outside the `except`: the chain of causes would include the request, and so the key.
        raise failure

    def _of_exception(self, error: Exception) -> ArchiveError:
        host = httpx.URL(self.address).netloc.decode()
        if reason := certificate_reason(error):
            return ConfigurationError(
                certificate_message(reason, host, self._proxy), hint=certificate_hint(reason, self._named_by)
            )
        if self._proxy and isinstance(error, httpx.ProxyError | httpx.NetworkError | httpx.RemoteProtocolError):
            return of_proxy(error, self._proxy, host, self.address)
        return of_exception(error, self.address, self._hide)

    async def _read(self, response: httpx.Response) -> bytes:
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("gzip", "identity"):
            # A chunk is decompressed at once: 64 kB of gzip become at most 66 MB; nested or other codings, gigabytes.
            raise SourceContradiction(f"the source sent a content coding that was not requested: {coding[:40]!a}")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_body:
                raise SourceContradiction(f"the source sent more than {self._max_body} bytes for one page")
        return bytes(body)


def _checked_address(address: str, plain_http_hosts: Collection[str]) -> str:
    """Return `scheme://host[:port][/path]` in one spelling, by which the checkpoint names the source. Default scheme: https."""
    # An invalid address is not quoted: it may contain the key by mistake.
    wrong, text = "the address of the Stablecog API cannot be used: ", address.strip()
    hint = f"use https, like {DEFAULT_ADDRESS}; http is allowed only for this machine and for hosts that you name as image hosts"
    try:
        url = httpx.URL(text if "://" in text else f"https://{text}")
    except (httpx.InvalidURL, ValueError):
        raise ConfigurationError(wrong + "it is not a URL", hint=hint) from None
    if not url.host or url.scheme not in ("https", "http") or url.userinfo or url.query or url.fragment:
        raise ConfigurationError(wrong + "it must have a scheme, a host, and optionally a port and a path", hint=hint)
    place = url.netloc.decode()
    named = AllowedHosts.of(plain_http_hosts)
    if url.scheme == "http" and not _is_loopback(url.host) and not named.is_named(url.host, url.port or 80):
        raise ConfigurationError(wrong + f"http would send the API key unencrypted to {place}", hint=hint)
    return f"{url.scheme}://{place}{url.raw_path.decode().rstrip('/')}"


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _checked_key(key: str) -> str:
    # The HTTP library would quote an unprintable key in its error.
    if not re.fullmatch(r"[!-~]+", key, re.ASCII):
        raise ConfigurationError("the Stablecog API key is empty or contains an invalid character", hint=KEY_PLACE)
    return key


def _parameters(query: PageQuery) -> dict[str, str]:
    asked = {
        "cursor": format_instant(query.cursor) if isinstance(query.cursor, datetime) else query.cursor,
        "order": query.order,
        "per_page": query.per_page,
        "start_dt": format_instant(query.start) if query.start else None,
        "end_dt": format_instant(query.end) if query.end else None,
    }
    return {name: str(value) for name, value in asked.items() if value is not None}


def _httpx_proxy(proxy: Proxy | None, context: ssl.SSLContext) -> httpx.Proxy | None:
    if proxy is None:
        return None
    auth = (proxy.user, proxy.password) if proxy.user or proxy.password else None
    return httpx.Proxy(proxy.url, auth=auth, ssl_context=context if proxy.scheme == "https" else None)


def _parsed(body: bytes, response: httpx.Response, hide: Hide, parse: Callable[[object], T]) -> T:
    """Read a 2xx response. A body that is not JSON comes from a proxy and is temporary; JSON of another kind is final."""
    try:
        # NaN and Infinity are not JSON, but one such number must not cost the whole page.
        return parse(json.loads(body, parse_constant=lambda _: None))
    except RecursionError:
        raise SourceContradiction("the source sent a document that is nested too deeply to read") from None
    except ValueError as error:
        kind = one_line(hide(response.headers.get("content-type", "no content type")))
        raise SourceUnavailable(
            f"{response.request.url.netloc.decode()} answered {response.status_code} with {len(body)} bytes that are not JSON "
            f"({kind}; {type(error).__name__}): a proxy or an outage page"
        ) from None
