"""The bucket, with obstore, and for images with libcurl (`transport/`); boto3 provides the credentials and the endpoint.

Both retry a request after 5xx and broken connections. A conditional create whose first response was lost can therefore
end in a Conflict with its own write. That is safe: every conditional writer reads again after a Conflict and finds its write.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import obstore
from botocore.config import Config
from obstore import exceptions
from obstore.store import S3Store

from ..archive.ports import Absent, Condition, Conflict, Listed, Stored
from ..archive.resilience.retry import STORE_RETRIES, Sleep
from ..errors import ArchiveError, ConfigurationError
from .forks import check_not_forked
from .network.network import DIRECT, Network
from .network.store_network import StoreRoute, route_credential_services
from .plain_listing import UNLISTABLE, PlainListing
from .store_address import store_address
from .store_credentials import Keys, StoreCredentials
from .store_errors import is_missing_key, says_expired, translate
from .transport.direct_put import direct_put
from .transport.s3_put import Put, S3Put
from .unusable_settings import unusable_settings

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig, RetryConfig

T = TypeVar("T")
TIMEOUT = timedelta(seconds=120)
PAGE = 1000
RETRIES: RetryConfig = {
    "max_retries": 3,
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
    "retry_timeout": timedelta(seconds=60),
}

_DELETE_RETRIES = replace(STORE_RETRIES, first_wait=0.1, jitter=0.1)
_OVERTAKEN = 3
"""How often a request is repeated because the credentials were renewed after it was signed."""
OBSTORE_ERRORS = (exceptions.BaseError, OSError, ValueError)


class S3ObjectStore:
    """An ObjectStore for one bucket. Making it raises ConfigurationError, and makes no request.

    Every operation raises CredentialsRejected if there are no credentials, and StoreUnavailable if they cannot be had now.

    - `session`: provides the credentials, and refreshes them.
    - `endpoint_url`: if None, boto3 decides from AWS's endpoints and the user's configuration.
    - `region`: if None, the session's.
    - `config`: boto3's settings for S3, on top of the session's. See `store_address` for what is followed.
    - `network`: proxies and authorities for the store. `services`: for the services that issue credentials; if None, the same.

    The attribute `address` is the server's address in use.
    """

    def __init__(
        self,
        bucket: str,
        *,
        session: boto3.session.Session,
        endpoint_url: str | None = None,
        region: str | None = None,
        config: Config | None = None,
        network: Network = DIRECT,
        services: Network | None = None,
        retries: RetryConfig = RETRIES,
        timeout: timedelta = TIMEOUT,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        check_not_forked(uses=False)
        self.requests = 0
        self._sleep = sleep
        self._bucket = bucket
        where = store_address(session, bucket, endpoint_url=endpoint_url, region=region, config=config)
        self.address = where.of(bucket)
        self._route = StoreRoute.to(self.address, network)
        route_credential_services(session, services or network)
        self._credentials = StoreCredentials(session, sleep=sleep)
        self._plain = PlainListing(self._credentials, session, bucket, where, self._route, timeout.total_seconds())
        self._direct = direct_put(
            where,
            bucket,
            self._route,
            os.environ,
            timeout=timeout.total_seconds(),
            attempts=retries.get("max_retries", 0) + 1,
            sleep=sleep,
        )
        options: ClientConfig = {"timeout": timeout, "connect_timeout": timedelta(seconds=10)}
        options.update(self._route.obstore_options())  # type: ignore[typeddict-item]
        if self.address.startswith("http://"):
            options["allow_http"] = True
        try:
            self._store = S3Store(
                bucket,
                region=where.region,
                endpoint=self.address,
                # If the environment sets this one, it would override `endpoint`.
                aws_endpoint_url_s3=self.address,
                virtual_hosted_style_request=not where.path_style,
                credential_provider=self._credentials,
                skip_signature=False,
                checksum_algorithm="sha256",
                conditional_put="etag",
                # A DELETE of one key works on every server; the bulk call does not.
                disable_bulk_delete=True,
                client_options=options,
                retry_config=retries,
            )
        except OBSTORE_ERRORS as error:
            raise unusable_settings(error, os.environ) from None

    async def get(self, key: str) -> Stored | None:
        try:
            found = await self._signed(partial(obstore.get_async, self._store, key))
            body = await found.bytes_async()
        except OBSTORE_ERRORS as error:
            if is_missing_key(error):
                return None
            failure = self._error(error, key)
        else:
            metadata = {str(name): str(value) for name, value in found.attributes.items()}
            return Stored(body.to_bytes(), self._version(found.meta["e_tag"], key), metadata)
        raise failure

    async def head(self, key: str) -> Listed | None:
        try:
            found = await self._signed(partial(obstore.head_async, self._store, key))
        except OBSTORE_ERRORS as error:
            if is_missing_key(error):
                return None
            failure = self._error(error, key)
        else:
            return Listed(key, found["size"], self._version(found["e_tag"], key), found["last_modified"])
        raise failure

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        condition: Condition | None = None,
        sha256: str = "",
    ) -> str:
        if condition is None or isinstance(condition, Absent):
            create = condition is not None
            if sha256 and self._direct:
                put = Put(key, body, sha256, content_type, metadata or {}, create)
                return await self._written(key, partial(self._put_directly, self._direct, put), conditional=create)
            return await self._put(key, body, content_type, metadata, "create" if create else "overwrite")
        quoted, bare = condition.version, condition.version.strip('"')
        try:
            return await self._put(key, body, content_type, metadata, {"e_tag": quoted})
        except Conflict:
            if bare == quoted:
                raise
        # Ceph compares the tag without quotes. If the object did change, this write is refused too.
        return await self._put(key, body, content_type, metadata, {"e_tag": bare})

    async def _put(
        self, key: str, body: bytes, content_type: str, metadata: Mapping[str, str] | None, mode: PutMode
    ) -> str:
        attributes = {"Content-Type": content_type, **(metadata or {})}

        async def put() -> str | None:
            # One request for any size: it is atomic, its checksum covers the whole object, and it leaves no parts behind.
            options: dict[str, Any] = {"attributes": attributes, "mode": mode, "use_multipart": False}
            return (await obstore.put_async(self._store, key, body, **options))["e_tag"]

        return await self._written(key, put, conditional=mode != "overwrite")

    async def _put_directly(self, direct: S3Put, put: Put) -> str | None:
        return await direct.put(put, self._credentials.current)

    async def _written(self, key: str, put: Callable[[], Awaitable[str | None]], *, conditional: bool) -> str:
        try:
            e_tag = await self._signed(put)
        except OBSTORE_ERRORS as error:
            failure = self._error(error, key, conditional=conditional)
        else:
            return self._version(e_tag, key)
        try:
            raise failure
        finally:
            # The error's traceback refers to this frame: without `del` they form a cycle that keeps the body in memory.
            del failure

    def close(self) -> None:
        """Close the connections over which images are written."""
        if self._direct:
            self._direct.close()

    async def delete(self, key: str) -> None:
        """Delete the key if it exists."""
        # obstore does not retry this one over a broken connection, though it is safe to repeat.
        await _DELETE_RETRIES.call(partial(self._delete, key), self._sleep)

    async def _delete(self, key: str) -> None:
        try:
            await self._signed(partial(obstore.delete_async, self._store, key))
        except OBSTORE_ERRORS as error:
            failure = None if is_missing_key(error) else self._error(error, key)
        else:
            return
        if failure:
            raise failure

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        """List the keys below `prefix` (empty, or ending with a slash) in the server's order. One request per 1,000 keys."""
        check_not_forked()
        await self._credentials.ready()
        self.requests += 1
        last = ""
        try:
            async for page in obstore.list(self._store, prefix or None, chunk_size=PAGE):
                if len(page) == PAGE:
                    self.requests += 1
                # The next page is requested after this one was read, which may be much later.
                await self._credentials.ready()
                for item in page:
                    last = item["path"]
                    yield Listed(last, item["size"], item["e_tag"] or "", item["last_modified"])
        except OBSTORE_ERRORS as error:
            failure = None if UNLISTABLE in str(error) else self._error(error, prefix)
        else:
            return
        if failure:
            raise failure
        async for page_of_all in self._plain.pages(prefix, last):
            self.requests += 1
            for listed in page_of_all:
                yield listed

    async def folders(self, prefix: str) -> Sequence[str]:
        check_not_forked()
        self.requests += 1
        return await self._plain.folders(prefix)

    async def _signed(self, request: Callable[[], Awaitable[T]]) -> T:
        """Return the answer. Credentials may expire and be renewed while a request is on its way: then it is repeated."""
        check_not_forked()
        refused: Keys | None = None
        left = _OVERTAKEN
        while True:
            await self._credentials.ready()
            used = self._credentials.current
            self.requests += 1
            try:
                return await request()
            except OBSTORE_ERRORS as error:
                if not left or used == refused or not says_expired(error):
                    raise
            refused, left = used, left - 1

    def _version(self, e_tag: str | None, key: str) -> str:
        if not e_tag:
            raise ConfigurationError(
                f"s3://{self._bucket}/{key}: the store returned no ETag", hint="use a store that returns ETags"
            )
        return e_tag

    def _error(self, error: Exception, key: str, *, conditional: bool = False) -> ArchiveError | Conflict:
        """Translate the error. Raise the result outside the `except`: a server that rejects a signature quotes the signed
        request, session token included, and the chain of causes would contain that text.
        """
        subject = f"s3://{self._bucket}/{key}"
        failure = self._route.failure(error, subject)
        return failure or translate(error, subject, self.address, conditional=conditional)
