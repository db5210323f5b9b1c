"""Options: how values are parsed, and how mistakes are reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from stablecog_provider import __version__
from stablecog_provider.cli.options import instant_of, layout_of, span_of, span_text
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
def test_a_duration_is_parsed(text: str, span: timedelta) -> None:
    assert span_of(text) == span


@pytest.mark.parametrize("text", ["", "1", "d", "-1d", "1y", "1 d", "1e3d", "٣d", "9999999d"])
def test_a_wrong_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a duration"):
        span_of(text)


def test_an_instant_is_parsed() -> None:
    assert instant_of("2026-11-21") == datetime(2026, 11, 21, tzinfo=UTC)
    assert instant_of("2026-11-21T08:00:00Z") == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert instant_of("2026-11-21T08:00:00+02:00") == datetime(2026, 11, 21, 6, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-21T08:00", "21.11.2026"])
def test_a_wrong_instant_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="neither a day"):
        instant_of(text)


def test_an_address_is_parsed() -> None:
    assert str(layout_of("s3://archive/stablecog/")) == "s3://archive/stablecog"
    with pytest.raises(typer.BadParameter, match="s3://"):
        layout_of("archive/stablecog")


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("run",), "--to"),
        (("run", "--to", "archive"), "s3://"),
        (("run", "--to", TO, "--lookback", "soon"), "is not a duration"),
        (("run", "--to", TO, "--start", "2026-11-22", "--end", "2026-11-21"), "--start must be before --end"),
        (("run", "--to", TO, "--concurrency", "0"), "--concurrency"),
        (("run", "--to", TO, "--per-page", "301"), "--per-page"),
        (("run", "--to", TO, "--colour"), "--colour"),
        (("fly",), "fly"),
        (("status",), "--to"),
    ],
)
def test_a_wrong_option_is_named(arguments: tuple[str, ...], printed: str) -> None:
    typed = type_in(*arguments)
    assert typed.code == 2
    assert printed in typed.err
    assert (
        "`stablecog-archive --help`" if arguments[0] == "fly" else f"`stablecog-archive {arguments[0]} --help`"
    ) in typed.err
    assert type_in(*arguments, "--json").document["kind"] == "ConfigurationError"


def test_without_an_api_key_nothing_is_requested() -> None:
    typed = type_in("run", "--to", TO, environ={}, raises=AssertionError("the ports were opened"))
    assert typed.code == 2
    assert "export STABLECOG_API_KEY=" in typed.err


def test_a_missing_profile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    typed = type_in("status", "--to", TO)
    assert typed.code == 2
    assert "no-such-profile" in typed.err


def test_without_a_command_the_help_is_printed_and_the_exit_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert type_in().code == 2
    assert "Exit codes" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("--version",), ("--version", "run")])
def test_the_version(arguments: tuple[str, ...]) -> None:
    typed = type_in(*arguments)
    assert (typed.code, typed.out) == (0, f"stablecog-archive {__version__}\n")


@pytest.mark.parametrize("hours", [0, 1, 24, 36, 14 * 24])
def test_a_default_duration_is_written_as_it_is_read(hours: int) -> None:
    assert span_of(span_text(timedelta(hours=hours))) == timedelta(hours=hours)
