"""Every setting of a use case is an option, with the default and the bounds of the settings class."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from stablecog_provider.archive.changes import ChangesSettings
from stablecog_provider.archive.forget import ForgetSettings
from stablecog_provider.archive.publish import PublishSettings
from stablecog_provider.archive.rebuild import RebuildSettings
from stablecog_provider.archive.refresh import RefreshSettings
from stablecog_provider.archive.restore import RestoreSettings
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.archive.verify import VerifySettings
from stablecog_provider.cli.commands import command
from stablecog_provider.cli.options import span_text
from support.console import TO, type_in

NOT_OFFERED = {
    "layout": "its option is --to, or --from of restore",
    "bytes_in_flight": "bounds memory; no other value measured better (docs/performance.md), so only the library has it",
}
NAMED_OTHERWISE = {"template": "--layout"}
"""A setting of `restore` whose name `--layout` reads better where it is typed."""
SETTINGS: dict[str, Any] = {
    "run": ArchiveSettings,
    "changes": ChangesSettings,
    "rebuild": RebuildSettings,
    "verify": VerifySettings,
    "refresh": RefreshSettings,
    "restore": RestoreSettings,
    "forget": ForgetSettings,
    "publish": PublishSettings,
}
CASES = [
    (name, field) for name, settings in SETTINGS.items() for field in fields(settings) if field.name not in NOT_OFFERED
]


def options(name: str) -> dict[str, Any]:
    return {parameter.name: parameter for parameter in command(name).params}


@pytest.mark.parametrize(("name", "field"), CASES, ids=lambda case: getattr(case, "name", case))
def test_every_setting_is_an_option_with_its_default(name: str, field: Any) -> None:
    option = options(name)[field.name]
    assert option.opts == [NAMED_OTHERWISE.get(field.name, "--" + field.name.replace("_", "-"))]
    if field.default is MISSING:
        assert option.required
        return
    assert option.default == (span_text(field.default) if field.name == "lookback" else field.default)


@pytest.mark.parametrize("field", sorted(set(ArchiveSettings.BOUNDS) - set(NOT_OFFERED)))
def test_an_option_has_the_bounds_of_its_setting(field: str) -> None:
    least, greatest = ArchiveSettings.BOUNDS[field]
    option = "--" + field.replace("_", "-")
    for value in (least, greatest):
        typed = type_in("run", "--to", TO, option, str(value), raises=ZeroDivisionError("the ports were opened"))
        assert "the ports were opened" in typed.err
    for value in (least - 1, greatest + 1):
        typed = type_in("run", "--to", TO, option, str(value))
        assert typed.code == 2
        assert option in typed.err


def test_the_exceptions_are_settings() -> None:
    assert set(NOT_OFFERED) <= {field.name for field in fields(ArchiveSettings)}


def test_the_bounds_are_of_settings_and_hold_their_defaults() -> None:
    for name, (least, greatest) in ArchiveSettings.BOUNDS.items():
        assert least <= getattr(ArchiveSettings, name) <= greatest
