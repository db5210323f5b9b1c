"""docs/errors.md lists every error of the tree, and says of each what the code does."""

from __future__ import annotations

import re

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from cli.test_exits import made, tree
from stablecog_provider import errors
from stablecog_provider.airflow.errors import as_airflow
from stablecog_provider.cli.exits import exit_of
from support.tree import ROOT

TEXT = (ROOT / "docs/errors.md").read_text()
TOLD = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
KINDS = tree()[1:]


def test_every_error_has_its_heading_in_the_order_of_the_tree() -> None:
    assert list(TOLD) == [kind.__name__ for kind in tree()]
    assert re.findall(r"^ +(\w+) {2,}\w", errors.__doc__ or "", re.MULTILINE) == [kind.__name__ for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_each_says_what_to_know(kind: type[errors.ArchiveError]) -> None:
    for label in ("Means", "Safe", "Do"):
        assert f"- **{label}**: " in TOLD[kind.__name__]
    assert re.search(r"\*\*Examples?\*\*: ", TOLD[kind.__name__])


@pytest.mark.parametrize("kind", KINDS)
def test_exit_codes_and_what_airflow_does_are_those_of_the_code(kind: type[errors.ArchiveError]) -> None:
    told = TOLD[kind.__name__]
    assert re.findall(r"\*\*Exit code\*\*: (\d+)", told) == [str(int(exit_of(made(kind))))]
    fails = isinstance(as_airflow(made(kind)), AirflowFailException)
    assert re.findall(r"\*\*Airflow\*\*: (\w+)", told) == ["fails" if fails else "retries"]


def test_every_command_and_option_it_names_is_there() -> None:
    from typer.main import get_command

    from stablecog_provider.cli.app import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(re.findall(r"`stablecog-archive (\w+)", TEXT)) <= set(commands)
    known = {option for command in commands.values() for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"(?<!-)--[a-z][a-z-]+", TEXT)) <= known
