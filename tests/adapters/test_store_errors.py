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
    "raised", [exceptions.AlreadyExistsError, exceptions.PreconditionError, exceptions.NotModifiedError]
)
def test_a_conflict_without_a_condition_is_a_failure_of_the_store(raised: type[Exception]) -> None:
    assert type(translate(raised("409"), "s3://archive/key")) is StoreUnavailable
