"""Every setting of a run is an argument of the operator, with the default of the settings class."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

import pytest

from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.archive.run import ArchiveSettings

NOT_OFFERED = {
    "layout": "its arguments are bucket and prefix",
    "bytes_in_flight": "bounds memory; no other value measured better (docs/performance.md), so only the library has it",
}
FIELDS = [field for field in fields(ArchiveSettings) if field.name not in NOT_OFFERED]
# Airflow wraps the method; the signature is the original's.
ARGUMENTS = inspect.signature(StablecogToS3Operator.__init__).parameters


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_is_an_argument_with_its_default(field: object) -> None:
    assert ARGUMENTS[field.name].default == field.default  # type: ignore[attr-defined]


def test_every_argument_is_documented() -> None:
    documented = re.findall(r":param (\w+):", StablecogToS3Operator.__doc__ or "")
    assert documented == [name for name in ARGUMENTS if name not in ("self", "kwargs")]
    for name in StablecogToS3Operator.template_fields:
        assert re.search(rf":param {name}:[^:]*\(templated\)", StablecogToS3Operator.__doc__ or "")


def test_the_exceptions_are_settings() -> None:
    assert set(NOT_OFFERED) <= {field.name for field in fields(ArchiveSettings)}
