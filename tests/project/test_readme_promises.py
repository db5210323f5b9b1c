"""What README and docs/ say of options, codes, errors, columns and settings is what the code says."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from stablecog_provider import errors
from stablecog_provider.adapters.assembly import SourceSettings, StoreSettings
from stablecog_provider.airflow.operators import (
    StablecogRestoreOperator,
    StablecogToS3Operator,
    StablecogVerifyOperator,
)
from stablecog_provider.archive.copying.outage import FIRST_TRIAL, IMAGES_IN_A_ROW
from stablecog_provider.archive.listing.account_check import SHARE
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.cli.app import app
from stablecog_provider.cli.exits import Exit
from stablecog_provider.model.manifest import COLUMNS, State
from stablecog_provider.model.object_keys import DIGEST_DIGITS
from stablecog_provider.model.register import MODEL_COLUMNS, SCHEDULER_COLUMNS
from stablecog_provider.model.row_attempts import LONGEST_ABSENCE, SETTLED_AFTER
from stablecog_provider.model.verdict import Outcome
from stablecog_provider.simulator.dialect import PRESETS
from stablecog_provider.simulator.history import DENSITIES
from support.console import TO, type_in
from support.readme import PAGES, README, RUNNABLE, SECURITY, anchors, block, links, marked, names, page, section
from support.readme import table_after as table
from support.tree import ROOT

COMMON = {"--json", "--debug", "--help"}
CLI, MANIFEST = page("cli"), page("manifest")
VERDICTS = set(Outcome)
EVERY_PAGE = [*PAGES, SECURITY]


def options(command: str) -> dict[str, Any]:
    """Long options of a command with their parameters."""
    found = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    return {option: parameter for parameter in found for option in parameter.opts if option.startswith("--")}


def commands() -> list[str]:
    return list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def of_command(command: str) -> str:
    return f"**`stablecog-archive {command}`**"


@pytest.mark.parametrize("command", commands())
def test_every_option_is_documented_and_no_other(command: str) -> None:
    assert set(names(of_command(command), CLI)) == set(options(command)) - COMMON


def test_what_all_commands_share_is_documented_once() -> None:
    intro = CLI[: CLI.index("## Exit codes")]
    assert {"`--json`", "`--debug`", "`stablecog-archive --version`"} <= set(re.findall(r"`[^`]+`", intro))
    for command in commands():
        assert {"--debug", "--json"} <= set(options(command))


@pytest.mark.parametrize("command", ["run", "restore", "simulate"])
def test_the_defaults_of_options_are_those_of_the_code(command: str) -> None:
    documented = {row[0].strip("`"): row[1].strip("`") for row in table(of_command(command), CLI)}
    for option, parameter in options(command).items():
        if isinstance(parameter.default, bool | None) or option not in documented:
            continue
        assert documented[option] == str(parameter.default).removesuffix(".0"), option


@pytest.mark.parametrize("option", ["--concurrency", "--per-page"])
def test_the_bounds_of_options_are_those_of_the_code(option: str) -> None:
    (row,) = (row for row in table(of_command("run"), CLI) if row[0] == f"`{option}`")
    (bounds,) = re.findall(r"(\d+) to (\d+)", row[2])
    least, most = map(int, bounds)

    def refused(value: int) -> bool:
        # Without an API key nothing is opened: what is refused before that is the option.
        typed = type_in("run", "--to", TO, option, str(value), environ={})
        return "STABLECOG_API_KEY" not in typed.err

    assert [refused(value) for value in (least - 1, least, most, most + 1)] == [True, False, False, True]


def test_every_density_and_dialect_is_documented() -> None:
    told = section(of_command("simulate"), CLI)
    for name in (*DENSITIES, *PRESETS):
        assert f"`{name}`" in told


def test_every_exit_code_is_documented() -> None:
    assert {int(row[0]) for row in table("Exit codes of every command", CLI)} == {int(code) for code in Exit}


@pytest.mark.parametrize(
    ("operator", "heading", "where"),
    [
        (StablecogToS3Operator, "## Operator settings", "airflow"),
        (StablecogVerifyOperator, "## Verify", "airflow"),
        (StablecogRestoreOperator, "## Operator settings", "restore"),
    ],
)
def test_every_setting_of_an_operator_is_documented(operator: type[Any], heading: str, where: str) -> None:
    known = inspect.signature(operator.__init__).parameters.values()
    documented = {row[0].strip("`"): row[1].strip("`") for row in table(heading, page(where))}
    assert list(documented) == [each.name for each in known if each.kind is each.KEYWORD_ONLY]
    for each in known:
        if isinstance(each.default, str | int) and each.default != "":
            assert documented[each.name] == str(each.default)


@pytest.mark.parametrize("settings", [ArchiveSettings, SourceSettings, StoreSettings])
def test_every_setting_of_the_library_is_documented(settings: type[Any]) -> None:
    documented = names(f"**`{settings.__name__}`**", page("library"))
    assert sorted(documented) == sorted(field.name for field in fields(settings))


def test_every_error_that_stops_a_run_is_in_troubleshooting() -> None:
    text = page("troubleshooting")
    stopping = (errors.ConfigurationError, errors.TransientError, errors.FatalError)
    leaves = (leaf for parent in stopping for leaf in parent.__subclasses__() if leaf.__module__ == errors.__name__)
    for kind in leaves:
        assert ("`not proven`" if kind is errors.ProofDiffers else f"`{kind.__name__}`") in text


def test_every_verdict_is_explained() -> None:
    assert set(names("## Reading the verdict", README.read_text())) == VERDICTS
    assert set(names("## Reading a report", page("quickstart"))) == VERDICTS


def test_the_columns_are_those_of_the_manifest() -> None:
    types = {name: "timestamp" if kind.startswith("timestamp") else kind for name, kind, _ in COLUMNS}
    documented = [(row[0].strip("`"), row[1]) for row in table("Columns are a public contract", MANIFEST)]
    assert documented == list(types.items())


def test_the_columns_that_are_never_null_are_named() -> None:
    (sentence,) = re.findall(r"All columns are nullable except (.+?)\.$", MANIFEST, re.MULTILINE)
    assert re.findall(r"`(\w+)`", sentence) == [name for name, _, nullable in COLUMNS if not nullable]


def test_the_states_are_those_of_the_manifest() -> None:
    assert set(names("## States", MANIFEST)) == set(State)


def test_how_long_an_image_that_is_gone_is_asked_for_is_told() -> None:
    (row,) = (row for row in table("## States", MANIFEST) if row[0] == "`gone`")
    assert f"at most {LONGEST_ABSENCE.days} days; never final" in row[2]
    told = " ".join(page("errors").split())
    assert f"at most {LONGEST_ABSENCE.days} days apart" in told
    for text in (told, " ".join(MANIFEST.split())):
        assert f"After {SETTLED_AFTER} such answers" in text


def test_the_key_of_an_image_is_told_in_both_places() -> None:
    name = f"{{output_id}}.original.{{{DIGEST_DIGITS} hex of its SHA-256}}.jpeg"
    assert f"images/dt=2026-11-21/{name}" in MANIFEST
    assert f"images/dt=2026-11-21/{name}" in page("aws")


def test_when_a_host_is_down_is_told() -> None:
    told = " ".join(page("errors").split())
    assert f"{IMAGES_IN_A_ROW} images of the host failed one after another" in told
    assert f"After {FIRST_TRIAL:.0f} seconds, one image of the host is tried" in told


def test_the_share_by_which_an_account_is_recognised_is_told() -> None:
    assert f"at least {SHARE:.0%}".replace("%", " %") in " ".join(page("errors").split())


def test_the_params_of_the_daily_dag_are_documented() -> None:
    documented = {row[0].strip("`"): row[1].strip("`") for row in table("## Daily archive", page("airflow"))}
    from stablecog_provider.airflow.params import place_params, run_params

    params = {**place_params("bucket", "prefix"), **run_params()}
    settings = {row[0].strip("`") for row in table("## Operator settings", page("airflow"))}
    assert documented.keys() <= params.keys()
    # "So is every other setting of the operator", and nothing else.
    named = {name for each in settings for name in re.split(r"`, `", each)}
    assert params.keys() == named - {"deferrable"}
    for name in ("retry_failed", "allow_account_mismatch", "allow_deletions"):
        assert documented[name] == str(getattr(ArchiveSettings, name)).lower()


def test_the_columns_of_the_registers_are_documented() -> None:
    section = page("manifest").partition("## Models and schedulers")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    documented = [
        (name, kind, "models only" in meaning)
        for names, kind, meaning in rows
        for name in re.findall(r"`(\w+)`", names)
    ]
    expected = [
        (name, kind + (", nullable" if nullable else ""), (name, kind, nullable) not in SCHEDULER_COLUMNS)
        for name, kind, nullable in MODEL_COLUMNS
    ]
    assert documented == expected


def test_the_policy_is_well_formed() -> None:
    assert {statement["Effect"] for statement in json.loads(block("policy"))["Statement"]} == {"Allow"}


def test_only_the_policy_to_forget_deletes_versions() -> None:
    daily, forgetting = json.loads(block("policy")), json.loads(block("forget-policy"))
    assert "DeleteObjectVersion" not in json.dumps(daily)
    (deleting,) = (each for each in forgetting["Statement"] if "s3:DeleteObjectVersion" in each["Action"])
    assert not [
        each
        for each in deleting["Resource"]
        if each.endswith(("checkpoint.json", "forgotten/*", "models/*", "stablecog/*"))
    ]


def test_the_policies_are_the_same_on_every_page() -> None:
    for mark in ("policy", "kms"):
        (of_security,) = (body for _, name, _, body in marked(SECURITY.read_text()) if name == mark)
        assert block(mark) == of_security


def test_the_sentence_on_numbers_is_the_same_on_every_page() -> None:
    (sentence,) = re.findall(r"The source counts \*outputs\*;.*?marked as deleted", " ".join(MANIFEST.split()))
    assert sentence in " ".join(page("quickstart").split())


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.name)
def test_every_block_that_can_run_is_marked(path: Path) -> None:
    bare = {"make demo\n"}
    unmarked = [body for kind, _, language, body in marked(path.read_text()) if language in RUNNABLE and not kind]
    assert set(unmarked) <= bare


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in links(path.read_text()):
        name, _, fragment = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), target
        assert not fragment or fragment in anchors(found.read_text()), target


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.name)
def test_every_file_it_names_exists(path: Path) -> None:
    named = set(re.findall(r"(?<![\w./-])((?:docker|dags|plugins|docs|dev|tests)/[\w./-]*\w)", path.read_text()))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.name)
def test_every_make_target_it_names_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z0-9-]+)", path.read_text())) <= targets


def test_every_room_is_in_the_architecture() -> None:
    text = page("architecture")
    roots = (ROOT / "plugins/stablecog_provider", ROOT / "plugins/stablecog_provider/archive", ROOT / "dev")
    rooms = [room.parent.name for root in roots for room in root.glob("*/__init__.py")]
    assert [name for name in rooms if not re.search(rf"^ +{name}/ +\w", text, re.MULTILINE)] == []


def test_every_page_is_in_the_index() -> None:
    index = page("index")
    pages = [path for path in PAGES if path.parent == ROOT / "docs" and path.stem != "index"]
    assert [path.stem for path in pages if f"]({path.name})" not in index] == []
    records = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert links(page("decisions/index")) == [path.name for path in records]


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 120
