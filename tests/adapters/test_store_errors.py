"""Every error class of obstore has one translation."""

from __future__ import annotations

import inspect

import pytest
from obstore import exceptions

from stablecog_provider.adapters.store_errors import translate
from stablecog_provider.archive.ports import Conflict
from stablecog_provider.errors import (
    ArchiveError,
    BucketMissing,
    ConfigurationError,
    CredentialsRejected,
    ObjectInArchiveClass,
    StoreUnavailable,
)

EXPECTED: dict[type[Exception], type[Exception]] = {
    exceptions.BaseError: StoreUnavailable,
    exceptions.GenericError: StoreUnavailable,
    exceptions.NotFoundError: BucketMissing,
    exceptions.InvalidPathError: ConfigurationError,
    exceptions.JoinError: StoreUnavailable,
    exceptions.NotSupportedError: ConfigurationError,
    exceptions.AlreadyExistsError: Conflict,
    exceptions.PreconditionError: Conflict,
    exceptions.NotModifiedError: Conflict,
    exceptions.PermissionDeniedError: CredentialsRejected,
    exceptions.UnauthenticatedError: CredentialsRejected,
    exceptions.UnknownConfigurationKeyError: ConfigurationError,
    FileNotFoundError: BucketMissing,
    ValueError: ConfigurationError,
}


def test_every_error_class_of_obstore_has_a_translation() -> None:
    known = {item for _, item in inspect.getmembers(exceptions, inspect.isclass) if issubclass(item, Exception)}
    assert known - set(EXPECTED) == set()


@pytest.mark.parametrize(("raised", "expected"), EXPECTED.items(), ids=lambda item: item.__name__)
def test_each_error_class_is_translated(raised: type[Exception], expected: type[Exception]) -> None:
    translated = translate(raised("something went wrong"), "s3://archive/key", conditional=True)
    assert type(translated) is expected
    assert "s3://archive/key" in str(translated)
    if isinstance(translated, ArchiveError):
        assert "something went wrong" in translated.message
        assert translated.hint


@pytest.mark.parametrize(
    ("quoted", "secret"),
    [
        ("No such key: GK31c2f218a2e44f485b94239e", "GK31c2f218a2e44f485b94239e"),
        ("The AWS Access Key Id AKIAIOSFODNN7EXAMPLE does not exist in our records.", "AKIAIOSFODNN7EXAMPLE"),
        ("Authorization header: Credential=minio/20261126/eu/s3/aws4_request, Signature=fe5f80", "fe5f80"),
        (
            "The provided token is malformed: IQoJb3JpZ2luX2VjEHAaCWV1LWNlbnRyYWwt",
            "IQoJb3JpZ2luX2VjEHAaCWV1LWNlbnRyYWwt",
        ),
    ],
)
def test_a_credential_that_the_store_quotes_is_blanked_out(quoted: str, secret: str) -> None:
    text = f"status: 403 Forbidden: <Error><Code>AccessDenied</Code><Message>{quoted}</Message></Error>"
    translated = translate(exceptions.PermissionDeniedError(text), "s3://archive/key", conditional=False)
    assert isinstance(translated, CredentialsRejected)
    assert secret not in str(translated)
    assert quoted.split(secret)[0].split("=")[0] in translated.message


def test_words_of_the_store_are_not_blanked_out() -> None:
    text = (
        "status: 403: <Error><Code>SlowDown</Code><Message>Unreasonably-many-requests, internationalization</Message>"
    )
    translated = translate(exceptions.GenericError(text), "s3://archive/key", conditional=False)
    assert isinstance(translated, ArchiveError)
    assert "Unreasonably-many-requests, internationalization" in translated.message


@pytest.mark.parametrize(
    "raised", [exceptions.AlreadyExistsError, exceptions.PreconditionError, exceptions.NotModifiedError]
)
def test_a_conflict_without_a_condition_is_a_failure_of_the_store(raised: type[Exception]) -> None:
    assert type(translate(raised("409"), "s3://archive/key")) is StoreUnavailable


@pytest.mark.parametrize(
    ("code", "expected", "hint"),
    [
        ("InvalidAccessKeyId", CredentialsRejected, "check the access key"),
        ("SignatureDoesNotMatch", CredentialsRejected, "check the access key"),
        ("InvalidSecurity", CredentialsRejected, "check the access key"),
        ("AccessDenied", CredentialsRejected, "may get, put and list"),
        ("ExpiredToken", CredentialsRejected, "renew them"),
        ("RequestTimeTooSkewed", CredentialsRejected, "clock"),
        ("InvalidObjectState", ObjectInArchiveClass, "archive storage class"),
        ("AccountProblem", ConfigurationError, "the problem is with the account"),
        ("AllAccessDisabled", ConfigurationError, "the problem is with the account"),
        ("NotSignedUp", ConfigurationError, "the problem is with the account"),
        ("UserSuspended", ConfigurationError, "the problem is with the account"),
        ("SecondLevelDomainForbidden", ConfigurationError, "addressing_style to virtual"),
        ("PathStyleDomainForbidden", ConfigurationError, "addressing_style to virtual"),
        ("QuotaExceeded", ConfigurationError, "quota"),
        ("KMS.DisabledException", ConfigurationError, "enable the KMS key"),
        ("RequestLimitExceeded", StoreUnavailable, "nothing is lost"),
        ("SlowDown", StoreUnavailable, "nothing is lost"),
        ("ThrottlingException", StoreUnavailable, "nothing is lost"),
    ],
)
@pytest.mark.parametrize("status", [400, 403])
def test_only_an_error_of_the_key_blames_the_key(status: int, code: str, expected: type[Exception], hint: str) -> None:
    text = f"non-retryable status code: {status} Denied: <Error><Code>{code}</Code><Message>no</Message></Error>"
    translated = translate(exceptions.PermissionDeniedError(text), "s3://archive/key", "http://store.example")
    assert isinstance(translated, ArchiveError)
    assert type(translated) is expected
    assert code in translated.message
    assert hint in translated.hint
    blames_the_key = "access key" in translated.hint
    assert blames_the_key == (hint == "check the access key")


def test_a_denied_kms_key_is_named() -> None:
    message = "User: x is not authorized to perform: kms:GenerateDataKey on this resource"
    text = f"status code: 403: <Error><Code>AccessDenied</Code><Message>{message}</Message></Error>"
    translated = translate(exceptions.PermissionDeniedError(text), "s3://archive/key")
    assert isinstance(translated, CredentialsRejected)
    assert "KMS key" in translated.hint


def test_a_refusal_without_a_code_names_both_causes() -> None:
    translated = translate(exceptions.PermissionDeniedError("status code: 403 Forbidden"), "s3://archive/key")
    assert isinstance(translated, CredentialsRejected)
    assert "access key" in translated.hint
    assert "get, put and list" in translated.hint


@pytest.mark.parametrize(
    ("message", "limit", "hint"),
    [
        ("Too many open files", "no file descriptor left", "ulimit -n"),
        ("Too many open files in system", "no file descriptor left", "ulimit -n"),
        ("No space left on device", "no disk space left", "free disk space"),
        ("Disk quota exceeded", "no disk space left", "free disk space"),
        ("Cannot allocate memory", "no memory left", "free memory"),
    ],
)
def test_a_limit_of_this_machine_is_called_local(message: str, limit: str, hint: str) -> None:
    text = (
        "Generic S3 error: Error performing GET http://store/archive/k in 82µs - HTTP error: error sending request\n\n"
        f'Debug source:\nConnectError("tcp open error", Os {{ code: 24, message: "{message}" }})'
    )
    translated = translate(exceptions.GenericError(text), "s3://archive/key", "http://store")
    assert isinstance(translated, StoreUnavailable)
    assert translated.message == f"s3://archive/key: this machine has {limit}"
    assert hint in translated.hint


def test_a_limit_of_the_server_is_not_called_local() -> None:
    text = "status code: 507: <Error><Code>Full</Code><Message>No space left on device</Message></Error>"
    translated = translate(exceptions.GenericError(text), "s3://archive/key", "http://store")
    assert isinstance(translated, StoreUnavailable)
    assert "this machine" not in translated.message
