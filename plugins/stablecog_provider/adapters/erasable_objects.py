"""Versions of objects, and their deletion for good. boto3 makes these requests; obstore has none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any

from ..archive.forgetting.ports import Lock, StoredVersion
from ..errors import ArchiveError, ConfigurationError
from .stored_objects import S3StoredObjects

ALLOW = (
    "forgetting needs a policy of its own: s3:ListBucketVersions, s3:DeleteObject and s3:DeleteObjectVersion "
    "(docs/aws.md has it); nothing else needs it"
)


class S3ErasableObjects(S3StoredObjects):
    """Port `ErasableObjects` for one bucket."""

    async def all_versions(self, prefix: str) -> AsyncIterator[StoredVersion]:
        asked: dict[str, Any] = {"Prefix": prefix}
        while True:
            page = await self._asked("list_object_versions", prefix, **asked) or {}
            for each in page.get("Versions", []):
                yield StoredVersion(each["Key"], each["VersionId"], each["Size"], each["IsLatest"])
            for each in page.get("DeleteMarkers", []):
                yield StoredVersion(each["Key"], each["VersionId"], 0, each["IsLatest"], is_marker=True)
            if not page.get("IsTruncated"):
                return
            asked |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}

    async def erase(self, key: str, version_id: str) -> Lock | None:
        refusal: ConfigurationError
        try:
            await self._asked("delete_object", key, Key=key, VersionId=version_id)
        except ConfigurationError as error:
            if (lock := await self._lock(key, version_id)) is not None:
                return lock
            refusal = type(error)(error.message, hint=ALLOW) if "AccessDenied" in error.message else error
        else:
            return None
        raise refusal

    async def _lock(self, key: str, version_id: str) -> Lock | None:
        """What keeps the version, if the store says so."""
        try:
            found = await self._asked("head_object", key, Key=key, VersionId=version_id) or {}
        except ArchiveError:
            # Not allowed to ask: the refusal of the deletion is the better answer.
            return None
        if found.get("ObjectLockLegalHoldStatus") == "ON":
            return Lock("legal hold", None)
        until = found.get("ObjectLockRetainUntilDate")
        return Lock(found.get("ObjectLockMode", ""), until.astimezone(UTC)) if until else None
