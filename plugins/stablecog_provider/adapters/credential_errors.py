"""Translates what boto3 raises while it gets or renews credentials.

What may pass is a StoreUnavailable, so that it is retried: a service that issues credentials (STS, SSO, instance metadata, the
container's endpoint) cannot be reached, is slow, fails or throttles. What is denied, expired or missing is final, and is named
in the provider's own words. Which provider raises what was read in botocore 1.44 (credentials.py, tokens.py, utils.py).
"""

from __future__ import annotations

import errno
import json
import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own, and no OSError)
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    LoginError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from ..errors import ArchiveError, ConfigurationError, CredentialsRejected, StoreUnavailable
from .local_limits import local_limit
from .redaction import one_line
from .store_errors import RENEW, without_credentials

_AGAIN = (
    "the service that issues the credentials fails or cannot be reached; nothing is lost: run again once it responds, and the "
    "next run continues where this one stopped"
)
_PROVIDE = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the AWS connection"
_CHANGE_KEY = "check the access key and the secret with which the role is assumed"
_ALLOW = "allow it in the role's trust policy, and in the policy of the user or role that assumes it"
_CHECK_SSO_ROLE = "check sso_account_id and sso_role_name of the profile"
_CHECK_TOKEN = "check the web identity token and its file, and the role's trust policy"  # noqa: S105
_CHECK_PROCESS = "run the profile's credential_process by hand, and repair what it reports"
_CHECK_PATHS = "check the paths in the profile (credential_process, web_identity_token_file) and in the AWS_* variables"
_CHECK_PROFILE = "correct the profile, the AWS_* variables or the AWS connection"
_CHECK_ENDPOINT = "check the AWS_CONTAINER_* variables, and that this task or pod may use its role"
_SET_CLOCK = "set this machine's clock: it differs too much from AWS's"
_SET_CERTIFICATES = "set AWS_CA_BUNDLE, or ca_bundle of the profile, to the certificates of the authority"
_MFA = "use credentials that need no MFA code, or that last as long as the run"

_TRANSIENT = {
    "BandwidthLimitExceeded", "EC2ThrottledException", "IDPCommunicationError", "InternalError", "InternalFailure",
    "InternalServerError", "PriorRequestNotComplete", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException",
    "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable", "SlowDown", "ThrottledException", "Throttling",
    "ThrottlingException", "TooManyRequestsException",
}  # fmt: skip
"""botocore's codes of throttling and of passing failures (retries/standard.py), and STS's for an identity provider."""
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_BAD_KEY = {
    "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException",
    "MissingAuthenticationToken", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
_BAD_TOKEN = {"IDPRejectedClaim", "InvalidIdentityToken"}
_CONTAINER_PREFIX = re.compile(
    r"Error retrieving metadata: (Received error when attempting to retrieve container metadata: )?"
)
_UNUSABLE_PATH = {
    errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOEXEC, errno.ENOTDIR, errno.EPERM,
}  # fmt: skip


def credentials_error(error: Exception, subject: str, *, profile: str = "", program: str = "") -> ArchiveError:
    """Return our error: StoreUnavailable for what may pass, else CredentialsRejected or ConfigurationError.

    - `subject`: what provides the credentials, as in "AWS credentials".
    - `profile`: the profile's name, for the command that logs in.
    - `program`: the profile's credential_process, without its arguments, which may contain secrets.
    """
    told = f"{error} {error.kwargs.get('error', '')}" if isinstance(error, BotoCoreError) else str(error)
    if limit := local_limit(told):
        return StoreUnavailable(f"{subject}: {limit[0]}", hint=limit[1])
    message = f"{subject}: {_words(error, program)}"
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in told:
        return ConfigurationError(message, hint=_SET_CERTIFICATES)
    if _may_pass(error):
        return StoreUnavailable(message, hint=_AGAIN)
    return CredentialsRejected(message, hint=_hint(error, profile, program))


def passing_status(status: int) -> bool:
    """Return whether an HTTP status says that the same request may succeed later."""
    return status >= 500 or status in (408, 425, 429)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return _code(error) in _TRANSIENT or passing_status(_status(error))
    if isinstance(error, HTTPClientError):
        # A ValueError inside is an address that cannot be one.
        return not isinstance(error.kwargs.get("error"), ValueError)
    if isinstance(error, MetadataRetrievalError) or _is_of(error, "container-role"):
        found = re.search(r"non 200 response (\d{3})", str(error))
        return passing_status(int(found[1])) if found else True
    if isinstance(error, CredentialRetrievalError):
        # All of an answer is missing: instance metadata failed, which botocore turns into an empty one.
        return "Credential refresh failed" in str(error)
    if isinstance(error, OSError):
        status = getattr(getattr(error, "response", None), "status_code", None)
        return passing_status(status) if isinstance(status, int) else error.errno not in _UNUSABLE_PATH
    # The last is google-auth's, which an AWS connection may use for web identities.
    return isinstance(error, ConnectionError | IncompleteReadError | ResponseParserError) or (
        getattr(error, "retryable", False) is True
    )


def _hint(error: Exception, profile: str, program: str) -> str:
    named = f" --profile {profile}" if profile and profile != "default" else ""
    if isinstance(error, ClientError):
        return _hint_of_answer(error)
    if isinstance(error, SSOError | TokenRetrievalError):
        return f"log in with `aws sso login{named}`"
    if isinstance(error, LoginError):
        return f"log in with `aws login{named}`"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return _PROVIDE
    if isinstance(error, RefreshWithMFAUnsupportedError | EOFError):
        return _MFA
    if _is_of(error, "container-role") or isinstance(error, KeyError):
        return _CHECK_ENDPOINT
    if _of_process(error, program):
        return _CHECK_PROCESS
    if isinstance(error, OSError):
        return _CHECK_PATHS
    return RENEW if "still expired" in str(error) else _CHECK_PROFILE


def _hint_of_answer(error: ClientError) -> str:
    code = _code(error)
    if re.search(r"Signature (expired|not yet current)", str(error)) or code == "RequestTimeTooSkewed":
        return _SET_CLOCK
    if code in _EXPIRED:
        return RENEW
    if code in _BAD_KEY:
        return _CHANGE_KEY
    if error.operation_name == "GetRoleCredentials":
        return _CHECK_SSO_ROLE
    return _CHECK_TOKEN if code in _BAD_TOKEN else _ALLOW


def _words(error: Exception, program: str) -> str:
    """Return the provider's own words as one line. What a server or a program wrote is quoted without what may be a secret."""
    if isinstance(error, ClientError):
        told = without_credentials(str(error.response.get("Error", {}).get("Message", "")))
        code = re.sub(r"\W", "", _code(error))
        parts = (str(_status(error) or ""), code, told)
        return one_line(f"{error.operation_name}: {' '.join(part for part in parts if part)}")
    if _of_process(error, program):
        name = f"credential_process {program}".rstrip()
        return one_line(f"{name} failed: {_words_of_process(error)}")
    if isinstance(error, OSError) and error.filename:
        return one_line(f"{error.filename}: {error.strerror}")
    if isinstance(error, CredentialRetrievalError):
        # Three layers of botocore each say that something failed; the innermost says what.
        return one_line(without_credentials(_CONTAINER_PREFIX.sub("", str(error))))
    return one_line(str(error) if isinstance(error, BotoCoreError) else f"{type(error).__name__}: {error}")


def _words_of_process(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, json.JSONDecodeError):
        return f"it printed no JSON ({error})"
    told = str(error.kwargs.get("error_msg", "")) if isinstance(error, CredentialRetrievalError) else str(error)
    return without_credentials(told.strip()) or "it reported nothing"


def _of_process(error: Exception, program: str) -> bool:
    """Return whether the profile's program failed. botocore raises many things if it prints what it must not."""
    if isinstance(error, BotoCoreError):
        return _is_of(error, "custom-process")
    if isinstance(error, OSError):
        return bool(program) and error.filename == program
    return bool(program) and isinstance(error, ValueError | AttributeError | TypeError)


def _is_of(error: Exception, provider: str) -> bool:
    return isinstance(error, CredentialRetrievalError) and error.kwargs.get("provider") == provider


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
