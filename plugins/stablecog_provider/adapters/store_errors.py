"""Translates obstore's errors into ours. Their texts are quoted in part only, and without secrets.

A 403 is not always about the key: `_REFUSALS` has the codes that are about something else. Sources of the codes: Amazon S3's list
of error responses, and the documentation of Ceph, MinIO, Alibaba OSS and Tencent COS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from obstore import exceptions

from ..archive.ports import Conflict
from ..errors import (
    ArchiveError,
    BucketMissing,
    ConfigurationError,
    CredentialsRejected,
    ObjectInArchiveClass,
    StoreUnavailable,
)
from .local_limits import local_limit
from .redaction import one_line

RENEW = (
    "the credentials have expired: renew them, or use a profile or role that renews itself, and run again; the next run "
    "continues where this one stopped"
)
_REACH = (
    "check the address (--endpoint-url, AWS_ENDPOINT_URL_S3 or the connection's endpoint_url) and that this machine can reach "
    "it; nothing is lost: run again once the store responds"
)
_CHANGE_KEY = "check the access key and the secret"
_ALLOW = (
    "check that these credentials may get, put and list objects in this bucket and delete the probe (the documentation has the "
    "policy), and that no bucket policy denies it"
)
_ALLOW_KMS = "allow these credentials to use the bucket's KMS key (the documentation has the statement)"
_RETRIEVE = (
    "the object is in an archive storage class: restore it in S3, and exclude manifest/, checkpoint.json and runs/ from the "
    "bucket's lifecycle rules; then run again"
)
_SET_CLOCK = "set this machine's clock: it differs too much from the store's"
_SET_REGION = "set the region of the bucket"
_VIRTUAL = "set s3.addressing_style to virtual in the AWS configuration or in the connection's config_kwargs"
_RESOLVE_ACCOUNT = (
    "the problem is with the account at the store, not with its key: resolve it with the store's operator"
)
_FREE_QUOTA = "raise the bucket's or the user's quota, or free space in it; then run again"
_ENABLE_KMS_KEY = "enable the KMS key of the bucket, or change the bucket's default encryption"

_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired")
# Values of <Code> in S3's responses that are more specific than the status.
_REFUSALS: Mapping[str, tuple[type[ConfigurationError], str]] = {
    **dict.fromkeys(_EXPIRED, (CredentialsRejected, RENEW)),
    **dict.fromkeys(
        ("InvalidAccessKeyId", "InvalidToken", "InvalidSecurity", "SignatureDoesNotMatch"),
        (CredentialsRejected, _CHANGE_KEY),
    ),
    "RequestTimeTooSkewed": (CredentialsRejected, _SET_CLOCK),
    "InvalidObjectState": (ObjectInArchiveClass, _RETRIEVE),
    **dict.fromkeys(
        ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
        (ConfigurationError, _SET_REGION),
    ),
    **dict.fromkeys(("SecondLevelDomainForbidden", "PathStyleDomainForbidden"), (ConfigurationError, _VIRTUAL)),
    **dict.fromkeys(
        ("AccountProblem", "AllAccessDisabled", "NotSignedUp", "UserSuspended", "UserDisable", "UnauthorizedAccess"),
        (ConfigurationError, _RESOLVE_ACCOUNT),
    ),
    **dict.fromkeys(
        ("QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "ServiceQuotaExceeded"), (ConfigurationError, _FREE_QUOTA)
    ),
    **dict.fromkeys(
        ("KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException"),
        (ConfigurationError, _ENABLE_KMS_KEY),
    ),
}  # fmt: skip
_TRANSIENT = {
    "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout",
    "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "BandwidthLimitExceeded",
    "ServiceUnavailable", "InternalError",
}  # fmt: skip
_ABSENT = (FileNotFoundError, exceptions.NotFoundError)
_CONFLICTS = (exceptions.AlreadyExistsError, exceptions.PreconditionError, exceptions.NotModifiedError)
_NOT_ALLOWED = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
_MISUSE = (
    exceptions.InvalidPathError, exceptions.NotSupportedError, exceptions.UnknownConfigurationKeyError, ValueError,
)  # fmt: skip


def translate(
    error: Exception, subject: str, address: str = "", *, conditional: bool = False
) -> ArchiveError | Conflict:
    """Return our error for one of obstore's. `subject` names bucket and key, `address` the server.

    A failed precondition is a Conflict only for a `conditional` write; otherwise the store is faulty.
    """
    text = str(error)
    code, status = _code(text), _status(text)
    message = f"{subject}: {_reason(text)}"
    if isinstance(error, _CONFLICTS) and conditional:
        return Conflict(subject)
    if isinstance(error, _ABSENT) or code == "NoSuchBucket":
        return BucketMissing(message, hint="create the bucket, or correct its name, region or endpoint")
    if code in _TRANSIENT:
        return StoreUnavailable(message)
    if code in _REFUSALS:
        kind, hint = _REFUSALS[code]
        return kind(message, hint=hint)
    if "incorrectly configured region" in text:
        return ConfigurationError(message, hint=_SET_REGION)
    if isinstance(error, _NOT_ALLOWED) or status in (401, 403):
        return CredentialsRejected(message, hint=_permission_hint(code, text))
    if isinstance(error, _MISUSE) or _is_final(status):
        return ConfigurationError(message, hint="check that the endpoint is an S3 server that supports this request")
    if status is None and not code:
        if limit := local_limit(text):
            return StoreUnavailable(f"{subject}: {limit[0]}", hint=limit[1])
        if address:
            return StoreUnavailable(f"{message} ({address})", hint=_REACH)
    return StoreUnavailable(message)


def _permission_hint(code: str, text: str) -> str:
    if "kms:" in text:
        return _ALLOW_KMS
    # A response without a code (every response to HEAD) does not say whether the key or its permissions are refused.
    return _ALLOW if code == "AccessDenied" else f"{_CHANGE_KEY}; {_ALLOW}"


def _is_final(status: int | None) -> bool:
    if status is None:
        return False
    return status == 501 or (300 <= status < 500 and status not in (304, 408, 409, 412, 425, 429))


def says_expired(error: Exception) -> bool:
    """Return whether the store refused the request's credentials because they have expired."""
    return _code(str(error)) in _EXPIRED


def is_missing_key(error: Exception) -> bool:
    return isinstance(error, _ABSENT) and _code(str(error)) != "NoSuchBucket"


def _code(text: str) -> str:
    found = re.search(r"<Code>([\w.]{1,60})</Code>", text)
    return found[1] if found else ""


def _status(text: str) -> int | None:
    found = re.search(r"status code: (\d{3})\b", text)
    return int(found[1]) if found else None


def without_credentials(message: str) -> str:
    """Blank out what may be a key, a token or a signature: some servers quote the rejected one."""
    named = re.sub(r"(?i)\b(credential|signature|token|key)=[^\s,&]+", r"\1=***", message)
    return re.sub(r"[A-Za-z0-9+/=_%-]{16,}", lambda found: "***" if _looks_random(found[0]) else found[0], named)


def _looks_random(word: str) -> bool:
    return bool(re.search(r"\d", word) or re.search(r"[a-z][A-Z].*[a-z][A-Z]", word))


def _reason(text: str) -> str:
    """Return the store's own message, else the innermost cause in obstore's text, else the start of that text."""
    status, code = _status(text), _code(text)
    if status or code:
        message = re.search(r"<Message>([^<]{1,300})", text)
        parts = (str(status or ""), code, without_credentials(message[1]) if message else "")
        return one_line(" ".join(part for part in parts if part))
    plain, _, debug = text.partition("Debug source:")
    causes = re.findall(r'(?:message|error): "([^"]{1,200})"', debug)
    if causes:
        return one_line(f"cannot be reached: {causes[-1]}")
    if "TimedOut" in debug or "kind: Timeout" in debug:
        return "no answer in time"
    return one_line(re.sub(r"^.* - ", "", " ".join(plain.split())))
