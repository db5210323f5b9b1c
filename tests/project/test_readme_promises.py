"""What the README says of options, codes, errors and columns is what the code says."""

from __future__ import annotations

import json
import re

import pytest
import typer

from stablecog_provider import errors
from stablecog_provider.cli.app import app
from stablecog_provider.cli.exits import Exit
from stablecog_provider.model.manifest import COLUMNS
from stablecog_provider.simulator.dialect import PRESETS
from stablecog_provider.simulator.history import DENSITIES
from support.readme import TEXT, blocks, section, table_after
from support.tree import ROOT

COMMON = {"--json", "--debug", "--help"}
ATHENA = {
    "string": "string",
    "timestamp[us, UTC]": "timestamp",
    "int32": "int",
    "int64": "bigint",
    "float64": "double",
    "bool": "boolean",
}


def options(command: str) -> dict[str, object]:
    """Long options of a command with their defaults."""
    found = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    return {option: parameter.default for parameter in found for option in parameter.opts if option.startswith("--")}


def commands() -> list[str]:
    return list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", commands())
def test_every_option_is_documented_and_no_other(command: str) -> None:
    told = section(f"**`stablecog-archive {command}`**")
    assert set(re.findall(r"`(--[a-z-]+)`", told)) == set(options(command)) - COMMON


def test_what_all_commands_share_is_told_once() -> None:
    told = section("## The command line")
    assert {"`--json`", "`--debug`", "`stablecog-archive --version`"} <= set(re.findall(r"`[^`]+`", told))
    for command in commands():
        assert {"--debug", "--json"} <= set(options(command))


def test_the_defaults_of_run_are_those_of_the_code() -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in table_after("**`stablecog-archive run`**")}
    known = options("run")
    for option in ("--lookback", "--concurrency", "--per-page"):
        assert told[option] == str(known[option])


def test_the_defaults_of_simulate_are_those_of_the_code() -> None:
    told = section("**`stablecog-archive simulate`**")
    known = options("simulate")
    for option, value in re.findall(r"`(--[a-z-]+)` \(([\d.]+)\)", told):
        assert str(known[option]).removesuffix(".0") == value
    for name in (*DENSITIES, *PRESETS):
        assert f"`{name}`" in told


def test_every_exit_code_is_documented() -> None:
    assert {int(row[0]) for row in table_after("Exit codes of every command")} == {int(code) for code in Exit}


def test_every_error_that_stops_a_run_stands_in_the_table_for_the_night() -> None:
    told = section("## At 3 a.m.")
    stopping = (errors.ConfigurationError, errors.TransientError, errors.FatalError)
    for kind in (leaf for parent in stopping for leaf in parent.__subclasses__()):
        if kind is errors.ProofDiffers:
            assert "`not proven`" in told
        else:
            assert f"`{kind.__name__}`" in told


def test_every_verdict_is_explained() -> None:
    told = {row[0].strip("`") for row in table_after("## How to read the report")}
    assert told == {"proven", "proven, with failed images", "proven, in part", "not proven"}


def test_the_columns_are_those_of_the_manifest() -> None:
    types = {name: "timestamp" if kind.startswith("timestamp") else kind for name, kind, _ in COLUMNS}
    told = [(row[0].strip("`"), row[1]) for row in table_after("Columns are a public contract")]
    assert told == list(types.items())


def test_athena_gets_the_same_columns() -> None:
    (statement,) = blocks("athena")
    inner = statement[statement.index("(") + 1 : statement.index(")")]
    told = [tuple(column.split()) for column in inner.split(",")]
    assert told == [(name, ATHENA[kind]) for name, kind, _ in COLUMNS]


def test_the_policy_is_well_formed() -> None:
    (policy,) = blocks("policy")
    assert {statement["Effect"] for statement in json.loads(policy)["Statement"]} == {"Allow"}


def test_every_file_it_names_is_there() -> None:
    named = set(re.findall(r"\b((?:docker|dags|plugins|docs)/[\w./-]*\w)", TEXT))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_make_target_it_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)`?\b", section("## Working on it"))) <= targets
