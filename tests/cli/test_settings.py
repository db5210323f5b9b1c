"""Settings from the environment."""

from __future__ import annotations

import pytest

from stablecog_provider.cli.settings import store_settings


def test_either_variable_may_name_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert store_settings({}, None).session.region_name == "us-west-2"
    assert store_settings({"AWS_REGION": "eu-central-1"}, None).session.region_name == "eu-central-1"
