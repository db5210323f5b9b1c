"""Every setting of a use case is an argument of its operator, with the default of the settings class."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

import pytest

from stablecog_provider.airflow.operators import (
    StablecogForgetOperator,
    StablecogRebuildOperator,
    StablecogRefreshOperator,
    StablecogRestoreOperator,
    StablecogToIcebergOperator,
    StablecogToS3Operator,
    StablecogVerifyOperator,
)
from stablecog_provider.archive.forget import ForgetSettings
from stablecog_provider.archive.publish import PublishSettings
from stablecog_provider.archive.rebuild import RebuildSettings
from stablecog_provider.archive.refresh import RefreshSettings
from stablecog_provider.archive.restore import RestoreSettings
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.archive.verify import VerifySettings

NOT_OFFERED = {
    "layout": "its arguments are bucket and prefix",
    "bytes_in_flight": "bounds memory; no other value measured better (docs/performance.md), so only the library has it",
}
OPERATORS: dict[type[Any], type[Any]] = {
    StablecogToS3Operator: ArchiveSettings,
    StablecogVerifyOperator: VerifySettings,
    StablecogRefreshOperator: RefreshSettings,
    StablecogRestoreOperator: RestoreSettings,
    StablecogForgetOperator: ForgetSettings,
    StablecogToIcebergOperator: PublishSettings,
    StablecogRebuildOperator: RebuildSettings,
}
FIELDS = [
    (operator, field)
    for operator, settings in OPERATORS.items()
    for field in fields(settings)
    if field.name not in NOT_OFFERED
]


def arguments(operator: type[Any]) -> Mapping[str, inspect.Parameter]:
    # Airflow wraps the method; the signature is the original's.
    return inspect.signature(operator.__init__).parameters


@pytest.mark.parametrize(("operator", "field"), FIELDS, ids=lambda each: getattr(each, "name", ""))
def test_every_setting_is_an_argument_with_its_default(operator: type[Any], field: Any) -> None:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    assert arguments(operator)[field.name].default == default


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_argument_is_documented(operator: type[Any]) -> None:
    documented = re.findall(r":param (\w+):", operator.__doc__ or "")
    assert documented == [name for name in arguments(operator) if name not in ("self", "kwargs")]
    # Airflow's own `dry_run` is a method of every operator.
    for name in ("dry_run" if each == "only_count" else each for each in operator.template_fields):
        assert re.search(rf":param {name}:((?!:param ).)*\(templated\)", operator.__doc__ or "", re.DOTALL)


def test_the_exceptions_are_settings() -> None:
    assert set(NOT_OFFERED) <= {field.name for field in fields(ArchiveSettings)}
