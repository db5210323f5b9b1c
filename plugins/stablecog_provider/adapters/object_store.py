"""The bucket, by obstore: Rust moves the bytes, boto3 says who we are and where S3 is.

obstore repeats a request by itself after 5xx and broken connections. So a conditional create whose first answer was lost can
end in Conflict over its own write. That is safe here: whoever writes conditionally reads again after Conflict, and finds it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import obstore
from botocore.exceptions import BotoCoreError
from obstore import exceptions
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from ..archive.ports import Absent, Condition, Conflict, Listed, Stored
from ..errors import ArchiveError, BucketMissing, ConfigurationError, CredentialsRejected, StoreUnavailable

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig, RetryConfig

DEFAULT_REGION = "us-east-1"
CREDENTIALS_TTL = timedelta(minutes=10)
"""obstore asks for credentials again 5 minutes before this is over; boto3 renews its own 10 minutes before they expire."""
TIMEOUT = timedelta(seconds=120)
PAGE = 1000
RETRIES: RetryConfig = {
    "max_retries": 3,
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
    "retry_timeout": timedelta(seconds=60),
}

_OBSTORE_ERRORS = (exceptions.BaseError, OSError, ValueError)


class S3ObjectStore:
    """An ObjectStore of one bucket.

    `session`: whose credentials, refreshed as it refreshes them. `endpoint_url`: None asks boto3, which knows AWS and the
    user's configuration. `region`: None is that of the session. `path_style`: None decides by the endpoint: AWS itself is
    asked at a host of the bucket's name, every other server by path. `address`: where it asks. Raises ConfigurationError.
    """

    def __init__(
        self,
        bucket: str,
        *,
        session: boto3.session.Session,
        endpoint_url: str | None = None,
        region: str | None = None,
        path_style: bool | None = None,
        retries: RetryConfig = RETRIES,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        self.requests = 0
        self._bucket = bucket
        region = region or session.region_name or DEFAULT_REGION
        endpoint = _endpoint(session, endpoint_url, region)
        if path_style is None:
            path_style = endpoint_url is not None or "." in bucket or not _is_aws(endpoint)
        options: ClientConfig = {"timeout": timeout, "connect_timeout": timedelta(seconds=10)}
        if endpoint.startswith("http://"):
            options["allow_http"] = True
        if not path_style:
            endpoint = endpoint.replace("://", f"://{bucket}.", 1)
        self.address = endpoint
        self._store = S3Store(
            bucket,
            region=region,
            endpoint=endpoint,
            # Where the environment sets it, this one would win over `endpoint`.
            aws_endpoint_url_s3=endpoint,
            virtual_hosted_style_request=not path_style,
            credential_provider=_credentials(session, bucket),
            skip_signature=False,
            checksum_algorithm="sha256",
            conditional_put="etag",
            # A DELETE of one key works with every server; the bulk call does not.
            disable_bulk_delete=True,
            client_options=options,
            retry_config=retries,
        )

    async def get(self, key: str) -> Stored | None:
        self.requests += 1
        try:
            found = await obstore.get_async(self._store, key)
            body = await found.bytes_async()
        except _OBSTORE_ERRORS as error:
            if _is_missing_key(error):
                return None
            failure = self._error(error, key)
        else:
            return Stored(body.to_bytes(), self._version(found.meta["e_tag"], key))
        raise failure

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        condition: Condition | None = None,
    ) -> str:
        if condition is None:
            return await self._put(key, body, content_type, metadata, "overwrite")
        if isinstance(condition, Absent):
            return await self._put(key, body, content_type, metadata, "create")
        quoted, bare = condition.version, condition.version.strip('"')
        try:
            return await self._put(key, body, content_type, metadata, {"e_tag": quoted})
        except Conflict:
            if bare == quoted:
                raise
        # Ceph compares with the bare tag. If the object did change, this is refused as well.
        return await self._put(key, body, content_type, metadata, {"e_tag": bare})

    async def _put(
        self, key: str, body: bytes, content_type: str, metadata: Mapping[str, str] | None, mode: PutMode
    ) -> str:
        self.requests += 1
        attributes = {"Content-Type": content_type, **(metadata or {})}
        try:
            # One request whatever the size: it is atomic, its checksum is that of the whole, and it leaves no parts behind.
            written = await obstore.put_async(
                self._store, key, body, attributes=attributes, mode=mode, use_multipart=False
            )
        except _OBSTORE_ERRORS as error:
            failure = self._error(error, key, conditional=mode != "overwrite")
        else:
            return self._version(written["e_tag"], key)
        raise failure

    async def delete(self, key: str) -> None:
        """Delete what is there; an absent key is no error."""
        self.requests += 1
        try:
            await obstore.delete_async(self._store, key)
        except _OBSTORE_ERRORS as error:
            failure = None if _is_missing_key(error) else self._error(error, key)
        else:
            return
        if failure:
            raise failure

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        """Keys below `prefix`, which is empty or ends with a slash; in the server's order. A request a page of 1,000."""
        self.requests += 1
        try:
            async for page in obstore.list(self._store, prefix or None, chunk_size=PAGE):
                if len(page) == PAGE:
                    self.requests += 1
                for item in page:
                    yield Listed(item["path"], item["size"], item["e_tag"] or "")
        except _OBSTORE_ERRORS as error:
            failure = self._error(error, prefix)
        else:
            return
        raise failure

    def _version(self, e_tag: str | None, key: str) -> str:
        if not e_tag:
            raise ConfigurationError(
                f"s3://{self._bucket}/{key}: the store names no ETag", way_out="use a store that answers with ETags"
            )
        return e_tag

    def _error(self, error: Exception, key: str, *, conditional: bool = False) -> ArchiveError | Conflict:
        """To be raised outside the `except`: an S3 that refuses a signature repeats the request it was made of, session token
        included, and the chain of causes would lead there.
        """
        return translate(error, f"s3://{self._bucket}/{key}", conditional=conditional)


def _endpoint(session: boto3.session.Session, endpoint_url: str | None, region: str) -> str:
    """The server's address; boto3 knows partitions, profiles and AWS_ENDPOINT_URL. Raises ConfigurationError."""
    try:
        endpoint = endpoint_url or str(session.client("s3", region_name=region).meta.endpoint_url)
        parts = urlsplit(endpoint)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"the S3 endpoint cannot be found: {_short(str(error))}", way_out="check --endpoint-url and the region"
        ) from None
    plain = not ("@" in parts.netloc or parts.query or parts.fragment)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ConfigurationError("the S3 endpoint is not a plain address", way_out="write it as http(s)://HOST[:PORT]")
    return endpoint.rstrip("/")


def _is_aws(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _credentials(session: boto3.session.Session, bucket: str) -> Boto3CredentialProvider:
    try:
        return Boto3CredentialProvider(session, ttl=CREDENTIALS_TTL)
    except (BotoCoreError, ValueError) as error:
        raise CredentialsRejected(
            f"no AWS credentials for bucket {bucket}: {_short(str(error))}",
            way_out="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or the aws connection",
        ) from None


# What S3 answers in <Code>, as far as it tells more than the status does.
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidAccessKeyId",
}
_OTHER_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_DAMAGED_ON_THE_WAY = {
    "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout",
}  # fmt: skip
_ABSENT = (FileNotFoundError, exceptions.NotFoundError)
_CONFLICTS = (exceptions.AlreadyExistsError, exceptions.PreconditionError, exceptions.NotModifiedError)
_NOT_ALLOWED = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
_MISUSE = (
    exceptions.InvalidPathError, exceptions.NotSupportedError, exceptions.UnknownConfigurationKeyError, ValueError,
)  # fmt: skip
_CHANGE_KEY = "check the access key, the secret and that they may get, put, delete and list in this bucket"


def translate(error: Exception, subject: str, *, conditional: bool = False) -> ArchiveError | Conflict:
    """The one place that turns obstore's errors into ours. `subject` names bucket and key; texts bear no secret.

    What obstore calls a precondition is a Conflict only for a `conditional` write; otherwise the store is not itself.
    """
    text = str(error)
    code, status = _code(text), _status(text)
    message = f"{subject}: {_reason(text)}"
    if isinstance(error, _CONFLICTS) and conditional:
        return Conflict(subject)
    if isinstance(error, _ABSENT) or code == "NoSuchBucket":
        return BucketMissing(message, way_out="create the bucket, or correct its name, region or endpoint")
    if code == "RequestTimeTooSkewed":
        return CredentialsRejected(message, way_out="set this machine's clock")
    if code in _OTHER_REGION or "incorrectly configured region" in text:
        return ConfigurationError(message, way_out="name the region in which the bucket lies")
    if isinstance(error, _NOT_ALLOWED) or status in (401, 403) or code in _BAD_CREDENTIALS:
        return CredentialsRejected(message, way_out=_CHANGE_KEY)
    if isinstance(error, _MISUSE) or _is_final(status, code):
        return ConfigurationError(message, way_out="check that the endpoint is an S3 server and can do this")
    return StoreUnavailable(message)


def _is_final(status: int | None, code: str) -> bool:
    if status is None or code in _DAMAGED_ON_THE_WAY:
        return False
    return status == 501 or (300 <= status < 500 and status not in (304, 408, 409, 412, 425, 429))


def _is_missing_key(error: Exception) -> bool:
    return isinstance(error, _ABSENT) and _code(str(error)) != "NoSuchBucket"


def _code(text: str) -> str:
    found = re.search(r"<Code>(\w{1,60})</Code>", text)
    return found[1] if found else ""


def _status(text: str) -> int | None:
    found = re.search(r"status code: (\d{3})\b", text)
    return int(found[1]) if found else None


def _reason(text: str) -> str:
    """What the store said, else the innermost cause that obstore names, else the start of its text."""
    status, code = _status(text), _code(text)
    if status or code:
        said = re.search(r"<Message>([^<]{1,300})", text)
        parts = (str(status or ""), code, said[1] if said else "")
        return _short(" ".join(part for part in parts if part))
    plain, _, debug = text.partition("Debug source:")
    causes = re.findall(r'(?:message|error): "([^"]{1,200})"', debug)
    if causes:
        return _short(f"cannot be reached: {causes[-1]}")
    if "TimedOut" in debug or "kind: Timeout" in debug:
        return "no answer in time"
    return _short(re.sub(r"^.* - ", "", " ".join(plain.split())))


def _short(text: str) -> str:
    """One line of printable text without the queries of addresses, at most 200 characters."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return re.sub(r"(\w+://)(?:[^\s/?#]*@)?([^\s?#]*)[?#]?\S*", r"\1\2", line)[:200]
