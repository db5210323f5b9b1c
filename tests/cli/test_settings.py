"""From the environment to settings."""

from __future__ import annotations

import pytest

from stablecog_provider.cli.settings import store_settings


def test_the_region_may_stand_in_either_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert store_settings({}, None).session.region_name == "us-west-2"
    assert store_settings({"AWS_REGION": "eu-central-1"}, None).session.region_name == "eu-central-1"
