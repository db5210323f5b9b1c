"""What every response says to the browser, and who is let in when the page runs on its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors {ancestors}"
)
IMAGE_POLICY = "default-src 'none'; sandbox"
"""Of images from the bucket: whatever their bytes are, a browser runs nothing of them."""
COOKIE = "stablecog_page"
REFUSED = "This page needs the address that `stablecog-archive browse` printed, with its token; it works once. Start it again.\n"


class SecurityHeaders:
    """ASGI middleware. `framed`: whether a page of the same origin, Airflow's, may show this one in a frame."""

    def __init__(self, app: ASGIApp, framed: bool = False) -> None:
        self._app = app
        self._policy = POLICY.format(ancestors="'self'" if framed else "'none'")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", self._policy)
                headers.setdefault("cache-control", "no-store")
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["cross-origin-resource-policy"] = "same-origin"
            await send(message)

        await self._app(scope, receive, sent)


class Gate:
    """ASGI middleware of the page on its own: a `Host` that is loopback, and a token that is exchanged for a cookie, once.

    Other users of the machine and other pages in the browser can reach a loopback port; neither knows the token.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str]) -> None:
        self._app, self._token, self._hosts = app, token, frozenset(hosts)
        self._session = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"host", "") not in self._hosts:
            return await PlainTextResponse("misdirected request\n", 421)(scope, receive, send)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        offered = query.pop("token", [""])[0]
        if self._token and offered and secrets.compare_digest(offered.encode(), self._token.encode()):
            self._token = ""
            return await self._let_in(scope, query)(scope, receive, send)
        if not self._is_known(headers.get(b"cookie", "")):
            return await PlainTextResponse(REFUSED, 401)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _let_in(self, scope: Scope, query: dict[str, list[str]]) -> RedirectResponse:
        """To the same page without the token, so that it is neither in the history nor in a link."""
        more = urlencode(query, doseq=True)
        response = RedirectResponse(scope["path"] + (f"?{more}" if more else ""), 303)
        response.set_cookie(COOKIE, self._session, httponly=True, samesite="strict", path="/")
        return response

    def _is_known(self, cookies: str) -> bool:
        try:
            found = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            return False
        return found is not None and secrets.compare_digest(found.value.encode(), self._session.encode())
