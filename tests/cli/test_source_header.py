"""`--source-header` and STABLECOG_SOURCE_HEADERS: what reaches the source, and that no output shows a value."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from stablecog_provider.adapters.settings import SourceSettings
from stablecog_provider.archive.ports import Ports
from stablecog_provider.cli import main
from stablecog_provider.cli.context import CliContext
from stablecog_provider.errors import SourceUnavailable
from support.console import KEY, TO, Typed, type_in

SECRET = "gateway-5ecret-0815"


def opened(
    *options: str, environ: dict[str, str] | None = None, command: str = "run"
) -> tuple[SourceSettings | None, Typed]:
    """Type the command; return the settings with which it opened the source, and the result."""
    given: list[SourceSettings] = []

    @asynccontextmanager
    async def open_ports(source: SourceSettings, *_: object) -> AsyncIterator[Ports]:
        given.append(source)
        quoted = " ".join(value for _, value in source.headers)
        raise SourceUnavailable(f"the gateway said: {quoted}")
        yield

    out, err = io.StringIO(), io.StringIO()
    context = CliContext(environ={"STABLECOG_API_KEY": KEY, **(environ or {})}, out=out, err=err, open_ports=open_ports)
    code = main((command, "--to", TO, *options), context)
    return given[0] if given else None, Typed(code, out.getvalue(), err.getvalue())


@pytest.mark.parametrize("command", ["run", "rebuild"])
@pytest.mark.parametrize("joined", [False, True], ids=["two words", "one word"])
@pytest.mark.parametrize("shown", ["--debug", "--json"])
def test_an_option_reaches_the_source_and_no_output(command: str, joined: bool, shown: str) -> None:
    option = [f"--source-header=X-Key: {SECRET}"] if joined else ["--source-header", f"X-Key: {SECRET}"]
    source, typed = opened(*option, shown, command=command)
    assert source
    assert source.headers == (("X-Key", SECRET),)
    assert SECRET not in repr(source) + typed.out + typed.err
    assert "the gateway said: ***" in typed.out + typed.err


def test_the_environment_holds_several_and_an_option_wins() -> None:
    environ = {"STABLECOG_SOURCE_HEADERS": f"X-Key: {SECRET}\nX-Team: archive\n"}
    source, typed = opened("--source-header", "x-team: backup", environ=environ)
    assert source
    assert source.headers == (("X-Key", SECRET), ("x-team", "backup"))
    assert SECRET not in typed.out + typed.err


@pytest.mark.parametrize("text", [SECRET, f"{SECRET}:", f"X Key: {SECRET}", f"Authorization: Bearer {SECRET}"])
@pytest.mark.parametrize("place", ["option", "environment"])
def test_a_header_that_cannot_be_sent_ends_with_2_and_is_not_quoted(text: str, place: str) -> None:
    if place == "option":
        source, typed = opened("--source-header", text, "--debug")
    else:
        source, typed = opened("--debug", environ={"STABLECOG_SOURCE_HEADERS": text})
    assert (source, typed.code) == (None, 2)
    assert "header" in typed.err
    assert SECRET not in typed.err


def test_a_mistyped_option_does_not_quote_the_value() -> None:
    typed = type_in("run", "--to", TO, "--source-headr", f"X-Key: {SECRET}", "--debug")
    assert typed.code == 2
    assert SECRET not in typed.err
