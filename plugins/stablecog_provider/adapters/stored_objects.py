"""Reads the bucket back: objects as streams, the checksums that the store keeps, and earlier versions.

obstore streams the bytes. It returns neither checksums nor versions, so boto3 asks for these.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import obstore
from botocore.exceptions import BotoCoreError, ClientError

from ..archive.ports import KeptChecksum, ObjectVersion
from ..errors import ArchiveError, StoreUnavailable
from .forks import check_not_forked
from .object_store import OBSTORE_ERRORS, S3ObjectStore
from .store_credentials import Keys
from .store_errors import is_missing_key, translate

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult

CHUNK = 1024 * 1024
"""Bytes. An object of up to this size is read at once."""
_MISSING = ("404", "NoSuchKey", "NoSuchVersion", "NotFound")


class S3StoredObjects(S3ObjectStore):
    """Port `StoredObjects` for one bucket."""

    def __init__(self, bucket: str, **settings: Any) -> None:
        super().__init__(bucket, **settings)
        self._client: tuple[Keys, Any] | None = None
        self._making = asyncio.Lock()

    @asynccontextmanager
    async def open(self, key: str, version_id: str = "") -> AsyncIterator[_Body | None]:
        options: GetOptions | None = {"version": version_id} if version_id else None
        failure: Exception | None = None
        body: _Body | None = None
        try:
            found = await self._signed(partial(obstore.get_async, self._store, key, options=options))
            body = _Body(self, found, key)
        except OBSTORE_ERRORS as error:
            failure = None if is_missing_key(error) else self._error(error, key)
        if failure:
            raise failure
        yield body

    async def checksum(self, key: str) -> KeptChecksum | None:
        found = await self._asked("head_object", key, Key=key, ChecksumMode="ENABLED")
        if found is None:
            return None
        return KeptChecksum(found["ContentLength"], _hexadecimal(found.get("ChecksumSHA256")), found["ETag"])

    async def versions(self, key: str) -> list[ObjectVersion]:
        kept: list[ObjectVersion] = []
        asked: dict[str, Any] = {"Prefix": key}
        while True:
            page = await self._asked("list_object_versions", key, **asked) or {}
            # Keys that begin with this one follow it.
            own = [each for each in page.get("Versions", []) if each["Key"] == key]
            kept += [ObjectVersion(each["VersionId"], each["Size"], each["ETag"].strip('"')) for each in own]
            if not page.get("IsTruncated") or page.get("NextKeyMarker") != key:
                return kept
            asked |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    async def _asked(self, operation: str, key: str, **arguments: Any) -> dict[str, Any] | None:
        """Return boto3's answer; None if there is no such object."""
        check_not_forked()
        await self._credentials.ready()
        self.requests += 1
        failure: Exception
        try:
            client = await self._client_for(self._credentials.current)
            answer: dict[str, Any] = await asyncio.to_thread(
                getattr(client, operation), Bucket=self._bucket, **arguments
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                return None
            failure = self._refusal(error, key)
        except BotoCoreError as error:
            subject = f"s3://{self._bucket}/{key}"
            failure = self._route.failure(error, subject) or StoreUnavailable(f"{subject}: {type(error).__name__}")
        else:
            return answer
        # Outside the `except`: the text of the cause may quote the signed request.
        raise failure

    async def _client_for(self, keys: Keys) -> Any:
        """Return the client that signs with these keys. Requests that need a new one at the same time share it."""
        async with self._making:
            if self._client is None or self._client[0] != keys:
                self._client = keys, await asyncio.to_thread(self._plain.client, keys)
            return self._client[1]

    def _refusal(self, error: ClientError, key: str) -> ArchiveError:
        """Translate the store's answer as if obstore had received it."""
        said = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        code, message = said.get("Code", ""), said.get("Message", "")
        text = f"status code: {status} <Code>{code}</Code><Message>{message}</Message>"
        failure = translate(ClientRefusal(text), f"s3://{self._bucket}/{key}", self.address)
        assert isinstance(failure, ArchiveError)  # noqa: S101 only a conditional write is a Conflict
        return failure


class ClientRefusal(Exception):
    """A refusal of the store, in the words of obstore's errors."""


class _Body:
    """An ObjectBody."""

    def __init__(self, store: S3StoredObjects, found: GetResult, key: str) -> None:
        self._store, self._found, self._key = store, found, key
        self.size = found.meta["size"]
        self.version = store._version(found.meta["e_tag"], key)

    async def chunks(self) -> AsyncIterator[bytes]:
        failure: Exception | None = None
        try:
            if self.size <= CHUNK:
                yield (await self._found.bytes_async()).to_bytes()
                return
            async for chunk in self._found.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)
        except OBSTORE_ERRORS as error:
            failure = self._store._error(error, self._key)
        if failure:
            raise failure


def _hexadecimal(checksum: str | None) -> str | None:
    """Return a checksum of the whole object in hexadecimal. That of an object in parts (`...-2`) is none of its bytes."""
    try:
        digest = base64.b64decode(checksum or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == 32 else None
