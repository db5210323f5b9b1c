"""Translates obstore's errors into ours. Their texts are quoted in part only, and without secrets."""

from __future__ import annotations

import re

from obstore import exceptions

from ..archive.ports import Conflict
from ..errors import ArchiveError, BucketMissing, ConfigurationError, CredentialsRejected, StoreUnavailable
from .redaction import one_line

# Values of <Code> in S3's responses that are more specific than the status.
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_BAD_CREDENTIALS = {"InvalidToken", "InvalidAccessKeyId"}
_OTHER_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_ARCHIVED_CLASS = "InvalidObjectState"
_DAMAGED_IN_TRANSIT = {
    "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout",
}  # fmt: skip
_ABSENT = (FileNotFoundError, exceptions.NotFoundError)
_CONFLICTS = (exceptions.AlreadyExistsError, exceptions.PreconditionError, exceptions.NotModifiedError)
_NOT_ALLOWED = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
_MISUSE = (
    exceptions.InvalidPathError, exceptions.NotSupportedError, exceptions.UnknownConfigurationKeyError, ValueError,
)  # fmt: skip
_RENEW = (
    "the credentials have expired: renew them, or use a profile or role that renews itself, and run again; the next run "
    "continues where this one stopped"
)
_REACH = (
    "check the address (--endpoint-url, AWS_ENDPOINT_URL_S3 or the connection's endpoint_url) and that this machine can reach "
    "it; nothing is lost: run again once the store responds"
)
_CHANGE_KEY = (
    "check the access key and the secret, and that they may get, put and list objects in this bucket and delete the probe "
    "(the documentation has the policy)"
)

_RETRIEVE = (
    "the object is in an archive storage class: restore it in S3, and exclude manifest/, checkpoint.json and runs/ from the "
    "bucket's lifecycle rules; then run again"
)


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
    if code == "RequestTimeTooSkewed":
        return CredentialsRejected(message, hint="set this machine's clock: it differs too much from the store's")
    if code in _EXPIRED:
        return CredentialsRejected(message, hint=_RENEW)
    if code == _ARCHIVED_CLASS:
        return ConfigurationError(message, hint=_RETRIEVE)
    if code in _OTHER_REGION or "incorrectly configured region" in text:
        return ConfigurationError(message, hint="set the region of the bucket")
    if isinstance(error, _NOT_ALLOWED) or status in (401, 403) or code in _BAD_CREDENTIALS:
        return CredentialsRejected(message, hint=_CHANGE_KEY)
    if isinstance(error, _MISUSE) or _is_final(status, code):
        return ConfigurationError(message, hint="check that the endpoint is an S3 server that supports this request")
    if status is None and not code and address:
        return StoreUnavailable(f"{message} ({address})", hint=_REACH)
    return StoreUnavailable(message)


def _is_final(status: int | None, code: str) -> bool:
    if status is None or code in _DAMAGED_IN_TRANSIT:
        return False
    return status == 501 or (300 <= status < 500 and status not in (304, 408, 409, 412, 425, 429))


def is_missing_key(error: Exception) -> bool:
    return isinstance(error, _ABSENT) and _code(str(error)) != "NoSuchBucket"


def _code(text: str) -> str:
    found = re.search(r"<Code>(\w{1,60})</Code>", text)
    return found[1] if found else ""


def _status(text: str) -> int | None:
    found = re.search(r"status code: (\d{3})\b", text)
    return int(found[1]) if found else None


def _without_credentials(message: str) -> str:
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
        parts = (str(status or ""), code, _without_credentials(message[1]) if message else "")
        return one_line(" ".join(part for part in parts if part))
    plain, _, debug = text.partition("Debug source:")
    causes = re.findall(r'(?:message|error): "([^"]{1,200})"', debug)
    if causes:
        return one_line(f"cannot be reached: {causes[-1]}")
    if "TimedOut" in debug or "kind: Timeout" in debug:
        return "no answer in time"
    return one_line(re.sub(r"^.* - ", "", " ".join(plain.split())))
