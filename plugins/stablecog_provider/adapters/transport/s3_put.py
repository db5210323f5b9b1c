"""Writes objects with libcurl: signed by it (SigV4), with one SHA-256 for the signature and for the checksum that S3 verifies.

Failures are raised as obstore's exceptions with texts like obstore's, so that both ways of writing are translated alike.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote

import pycurl
from obstore import exceptions

from ...archive.resilience.retry import RetryPolicy, Sleep
from ...version import __version__
from ..network.authorities import authority_file
from ..network.store_network import StoreRoute
from ..store_address import StoreAddress
from ..store_credentials import Keys
from .curl_errors import TIMED_OUT, CurlError
from .handles import HandleOptions
from .loop import CurlLoop
from .response_head import ResponseHead
from .upload import Upload

CONNECT = 10.0
"""Seconds to connect."""
_WRITTEN = range(200, 300)
_SENT_AT_ONCE = 512 * 1024
"""Bytes of libcurl's buffer."""
_KINDS: Mapping[int, type[Exception]] = {
    HTTPStatus.UNAUTHORIZED: exceptions.UnauthenticatedError,
    HTTPStatus.FORBIDDEN: exceptions.PermissionDeniedError,
    HTTPStatus.NOT_FOUND: exceptions.NotFoundError,
    HTTPStatus.CONFLICT: exceptions.AlreadyExistsError,
    HTTPStatus.PRECONDITION_FAILED: exceptions.PreconditionError,
}
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class _MayPass(Exception):
    """A failure that is tried again at once. `error`: what is raised if it stays."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __str__(self) -> str:
        # Retries are logged, and the error quotes the response.
        return "the store failed"


@dataclass(frozen=True, slots=True)
class Put:
    """One object to write. `sha256`: the body's, in hex. `create`: only if the key has no object."""

    key: str
    body: bytes = field(repr=False)
    sha256: str
    content_type: str
    metadata: Mapping[str, str]
    create: bool

    def headers(self, keys: Keys) -> list[str]:
        lines = [f"x-amz-meta-{name}: {value}" for name, value in self.metadata.items()]
        lines += [
            f"Content-Type: {self.content_type}",
            f"x-amz-content-sha256: {self.sha256}",
            f"x-amz-checksum-sha256: {base64.b64encode(bytes.fromhex(self.sha256)).decode()}",
            # libcurl's own, which S3 does not need.
            "Expect:",
            "Accept:",
        ]
        if self.create:
            lines.append("If-None-Match: *")
        if keys.token:
            lines.append(f"x-amz-security-token: {keys.token}")
        return lines


class S3Put:
    """Writes objects of one bucket. For any event loop, one at a time. `timeout`: seconds per attempt.

    `attempts`: of one write, as long as the store fails or cannot be reached.
    """

    def __init__(
        self, where: StoreAddress, bucket: str, route: StoreRoute, *, timeout: float, attempts: int, sleep: Sleep
    ) -> None:
        self._base = f"{where.of(bucket)}/{quote(bucket)}" if where.path_style else where.of(bucket)
        self._signature = f"aws:amz:{where.region}:s3"
        self._route = route
        self._timeout, self._sleep = timeout, sleep
        self._retries = RetryPolicy(
            attempts=attempts, patience=60.0, first_wait=0.2, longest_wait=5.0, jitter=0.1, on=(_MayPass,)
        )
        self._options: HandleOptions | None = None
        self._idle: list[pycurl.Curl] = []
        self._curl: CurlLoop | None = None

    async def put(self, put: Put, keys: Keys) -> str | None:
        """Write an object and return its ETag, if the response has one.

        Raises exceptions of obstore. A conditional write whose first response was lost may end in its own conflict.
        """
        try:
            return await self._retries.call(lambda: self._attempt(put, keys), self._sleep)
        except _MayPass as failure:
            error = failure.error
        try:
            raise error
        finally:
            # The error's traceback refers to this frame: without `del` they form a cycle that keeps the body in memory.
            del error

    def close(self) -> None:
        """Close all connections."""
        if self._curl:
            self._curl.close()
            self._curl = None
        self._idle.clear()

    async def _attempt(self, put: Put, keys: Keys) -> str | None:
        curl = self._running()
        handle = self._idle.pop() if self._idle else self._handle()
        handle.setopt(pycurl.URL, f"{self._base}/{quote(put.key)}")
        handle.setopt(pycurl.USERNAME, keys.access_key)
        handle.setopt(pycurl.PASSWORD, keys.secret_key)
        try:
            head, text = await Upload(curl, handle, put.body, put.headers(keys)).answer()
        except CurlError as error:
            failure = self._unanswered(error)
        else:
            if head.status in _WRITTEN:
                return head.get("etag")
            failure = _refusal(head, text)
        finally:
            self._idle.append(handle)
        raise failure

    def _running(self) -> CurlLoop:
        loop = asyncio.get_running_loop()
        if self._curl is None or self._curl.loop is not loop:
            self._curl = CurlLoop()
        return self._curl

    def _handle(self) -> pycurl.Curl:
        self._options = self._options or HandleOptions(
            connect=min(CONNECT, self._timeout),
            total=self._timeout,
            authorities=authority_file(self._route.authorities, certifi=False),
            user_agent=f"airflow-provider-stablecog/{__version__}",
        )
        handle = self._options.handle(self._route.proxy)
        handle.setopt(pycurl.UPLOAD_BUFFERSIZE, _SENT_AT_ONCE)
        # It does not go with PATH_AS_IS. A key has no `.` or `..` between its slashes.
        handle.setopt(pycurl.PATH_AS_IS, 0)
        handle.setopt(pycurl.AWS_SIGV4, self._signature)
        return handle

    def _unanswered(self, error: CurlError) -> _MayPass | Exception:
        """Return the error for a request without a response, in the words of obstore that `StoreRoute.failure` knows."""
        if error.certificate_reason:
            return exceptions.GenericError(f"certificate verify failed: {error.certificate_reason}")
        if error.refused_by_proxy:
            status = error.refused_by_proxy
            phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
            return _MayPass(exceptions.GenericError(f"Tunnel connection failed: {status} {phrase}"))
        if error.code == TIMED_OUT:
            # Like obstore, not again: it took long enough.
            return exceptions.GenericError("no answer in time")
        if error.local_limit:
            return _MayPass(exceptions.GenericError(f"no request can be sent: {error.words()}"))
        kind = " (kind: Connect)" if error.is_of_connection else ""
        return _MayPass(exceptions.GenericError(f"cannot be reached: {error.words()}{kind}"))


def _refusal(head: ResponseHead, text: str) -> _MayPass | Exception:
    """Return the error for a response."""
    status = head.status
    error = _KINDS.get(status, exceptions.GenericError)(f"Server returned status code: {status}: {text}")
    passes = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
    return _MayPass(error) if passes and status != HTTPStatus.NOT_IMPLEMENTED else error
