"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from stablecog_provider.cli.settings import LONGEST_KEY_FILE, source_settings, store_settings
from stablecog_provider.errors import ConfigurationError


def test_either_variable_may_name_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert store_settings({}, None).session.region_name == "us-west-2"
    assert store_settings({"AWS_REGION": "eu-central-1"}, None).session.region_name == "eu-central-1"


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("  sc-from-the-file\n")
    named = {"STABLECOG_API_KEY_FILE": str(file)}
    assert source_settings(named, None, None).api_key == "sc-from-the-file"
    assert source_settings({**named, "STABLECOG_API_KEY": "sc-direct"}, None, None).api_key == "sc-direct"
    assert "sc-from-the-file" not in repr(source_settings(named, None, None))


def test_without_a_key_both_ways_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"STABLECOG_API_KEY is not set .*STABLECOG_API_KEY_FILE to a file"):
        source_settings({}, None, None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not hold exactly one key"),
        (b" \n", "does not hold exactly one key"),
        (b"sc-one\nsc-two\n", "does not hold exactly one key"),
        (b"STABLECOG_API_KEY = sc-one", "does not hold exactly one key"),
        (b"s" * (LONGEST_KEY_FILE + 1), "does not hold exactly one key"),
        (b"sc-\xff\xfe", "it is not text"),
    ],
)
def test_a_file_that_holds_no_key_is_named_and_not_quoted(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        source_settings({"STABLECOG_API_KEY_FILE": str(file)}, None, None)
    assert f"STABLECOG_API_KEY_FILE: {file}" in raised.value.message
    assert reason in raised.value.message
    assert "sc-" not in str(raised.value)


@pytest.mark.parametrize("named", ["missing", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, named: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read: (No such file|Is a directory)"):
        source_settings({"STABLECOG_API_KEY_FILE": str(tmp_path / named)}, None, None)
