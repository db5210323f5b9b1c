"""The mapping from errors to what Airflow does."""

from __future__ import annotations

import inspect

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from stablecog_provider import errors
from stablecog_provider.airflow.errors import as_airflow

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.ArchiveError) and kind.__module__ == errors.__name__
]
FAILS_FOR_GOOD = {
    errors.ConfigurationError,
    errors.CredentialsRejected,
    errors.BucketMissing,
    errors.ObjectInArchiveClass,
    errors.AnotherAccount,
    errors.UnsafeStore,
    errors.FolderUnusable,
    errors.FatalError,
    errors.SourceContradiction,
    errors.ArchiveDamaged,
    errors.PartitionDamaged,
    errors.ArchiveTooNew,
}


def one(kind: type[errors.ArchiveError]) -> errors.ArchiveError:
    if issubclass(kind, errors.OutputUnreadable):
        return kind("an-id", "a field", "a reason")
    return kind("a message", hint="a hint")


def test_every_error_is_known() -> None:
    assert len(TREE) >= 18
    assert set(TREE) >= FAILS_FOR_GOOD


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_fails_or_retries(kind: type[errors.ArchiveError]) -> None:
    error = one(kind)
    raised = as_airflow(error)
    assert isinstance(raised, AirflowException)
    assert isinstance(raised, AirflowFailException) == (kind in FAILS_FOR_GOOD)
    assert str(raised) == str(error)
