"""What is typed, and what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from stablecog_provider import __version__
from stablecog_provider.cli.options import instant_of, layout_of, span_of
from support.console import TO, type_in


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("90m", timedelta(minutes=90)),
        ("36h", timedelta(hours=36)),
        ("1.5d", timedelta(hours=36)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_spans(text: str, span: timedelta) -> None:
    assert span_of(text) == span


@pytest.mark.parametrize("text", ["", "1", "d", "-1d", "1y", "1 d", "1e3d", "٣d", "9999999d"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="no length of time"):
        span_of(text)


def test_instants() -> None:
    assert instant_of("2026-11-21") == datetime(2026, 11, 21, tzinfo=UTC)
    assert instant_of("2026-11-21T08:00:00Z") == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert instant_of("2026-11-21T08:00:00+02:00") == datetime(2026, 11, 21, 6, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-21T08:00", "21.11.2026"])
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="neither a day"):
        instant_of(text)


def test_addresses() -> None:
    assert str(layout_of("s3://archive/stablecog/")) == "s3://archive/stablecog"
    with pytest.raises(typer.BadParameter, match="s3://"):
        layout_of("archive/stablecog")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run",), "--to"),
        (("run", "--to", "archive"), "s3://"),
        (("run", "--to", TO, "--lookback", "soon"), "no length of time"),
        (("run", "--to", TO, "--start", "2026-11-22", "--end", "2026-11-21"), "--start must be before --end"),
        (("run", "--to", TO, "--concurrency", "0"), "--concurrency"),
        (("run", "--to", TO, "--per-page", "301"), "--per-page"),
        (("run", "--to", TO, "--colour"), "--colour"),
        (("fly",), "fly"),
        (("status",), "--to"),
    ],
)
def test_bad_settings_are_named(arguments: tuple[str, ...], said: str) -> None:
    typed = type_in(*arguments)
    assert typed.code == 2
    assert said in typed.err
    assert type_in(*arguments, "--json").document["kind"] == "ConfigurationError"


def test_without_a_key_nothing_is_asked() -> None:
    typed = type_in("run", "--to", TO, environ={}, raises=AssertionError("the world was opened"))
    assert typed.code == 2
    assert "export STABLECOG_API_KEY=" in typed.err


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    typed = type_in("status", "--to", TO)
    assert typed.code == 2
    assert "no-such-profile" in typed.err


def test_no_command_shows_the_help_and_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert type_in().code == 2
    assert "Exit codes" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert type_in("--version").code == 0
    assert capsys.readouterr().out == f"stablecog-archive {__version__}\n"
