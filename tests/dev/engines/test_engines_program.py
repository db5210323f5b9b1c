"""`make engines`: the engines of `.venv` answer as the rows do, and a difference is noticed. The others need `.venv-engines`."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from dev.engines import asked, ddl, expected, lake, snippets
from dev.engines.asked import ENGINES, NO_JAVA, NO_S3, REASONS, Asked, ask
from dev.engines.questions import TITLES, Dialect, Rows, statements
from dev.engines.readers.place import Place
from stablecog_provider.adapters.parquet_partition import read_partition
from stablecog_provider.model.manifest import COLUMNS
from support.readme import block
from support.tree import ROOT

SNIPPETS = (
    "engine duckdb", "engine polars", "engine pyarrow", "engine pandas", "engine datafusion", "engine spark", "engine chdb",
)  # fmt: skip
SERVICES = ("athena", "trino", "snowflake", "bigquery")
HERE = ("duckdb", "pyarrow")
"""Engines that are in `.venv`."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lake")
    lake.write(made)
    return made


@pytest.fixture(scope="module")
def right() -> dict[str, Rows]:
    return expected.answers(lake.rows(), lake.MODELS)


@pytest.mark.parametrize("engine", HERE)
def test_an_engine_answers_as_the_rows_do(engine: str, folder: Path, right: dict[str, Rows]) -> None:
    reading = importlib.import_module(f"dev.engines.readers.{engine}").read(Place(str(folder)))
    assert reading.answers == right
    assert reading.new_columns is False
    assert Asked(engine, False, asdict(reading)).holds(right)


def test_every_question_has_an_answer_that_says_something(right: dict[str, Rows]) -> None:
    assert right.keys() == TITLES.keys() == statements(Dialect("{}", "{zone}", "0")).keys()
    assert all(right.values())
    assert right["zones"][0][1] == 0
    assert all(int(str(row[1])) > 0 for row in right["zones"][1:])
    assert right["evolution"][0][2:] == [0, 0]
    assert all(int(str(row[2])) > 0 and int(str(row[3])) > 0 for row in right["evolution"][1:])
    assert right["seeds"][0][0] == -(2**63)
    assert right["seeds"][-1][0] == 2**63 - 1


def test_the_program_reads_every_partition(folder: Path) -> None:
    for day, rows in lake.rows().items():
        key = f"manifest/dt={day}/manifest.parquet"
        assert list(read_partition(day, (folder / key).read_bytes(), key).rows()) == rows


def test_a_difference_is_noticed_unless_its_reason_is_known(right: dict[str, Rows]) -> None:
    wrong = right | {"seeds": [[1, 1]]}
    assert not Asked("duckdb", False, {"answers": wrong}).holds(right)
    assert Asked("pandas_default", False, {"answers": wrong}).holds(right)
    assert not Asked("pandas_default", False, {"answers": right}).holds(right), "a reason that is out of date"
    assert not Asked("pandas_default", False, {"answers": wrong | {"days": []}}).holds(right)
    assert not Asked("duckdb", False, trouble="it failed").holds(right)


def test_every_engine_has_a_reader_and_every_reason_an_engine() -> None:
    readers = {path.stem for path in (ROOT / "dev/engines/readers").glob("*.py")}
    assert {*ENGINES, *asked.ICEBERG} <= readers
    assert {engine for engine, _ in REASONS} | {*NO_S3} <= {*ENGINES}


def test_a_missing_java_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask("spark", "somewhere", {}).trouble == NO_JAVA
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert asked.missing_java() == NO_JAVA


@pytest.mark.slow
@pytest.mark.parametrize("engine", HERE)
def test_the_snippets_of_the_engines_that_are_here_run(engine: str, folder: Path, right: dict[str, Rows]) -> None:
    program = snippets.program(engine, folder, "", "").replace("s3://", str(folder))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert snippets.wrong(done.stdout, right) == ""
    assert snippets.wrong(done.stdout.replace("59", "58"), right) != ""


def test_every_engine_has_a_snippet() -> None:
    assert {f"engine {name}" for name in snippets.snippets()} == {*SNIPPETS}
    assert {*snippets.snippets()} == {*ENGINES} - {"pandas_default"}
    assert all(block(mark) for mark in SNIPPETS)


def test_the_versions_on_the_page_are_those_of_the_lock() -> None:
    locked = dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "dev/engines/requirements.lock").read_text(), re.MULTILINE))
    listed = re.findall(r"^\| (\w+) \| (\d[\d.]*) \|", ddl.PAGE.read_text(), re.MULTILINE)
    names = {"spark": "pyspark"}
    assert len(listed) == len(SNIPPETS)
    for engine, version in listed:
        assert locked[names.get(engine.lower(), engine.lower())] == version, (
            "run `make engines` and update docs/engines.md"
        )


def test_the_statements_on_the_page_are_those_of_the_columns() -> None:
    text = ddl.PAGE.read_text()
    assert ddl.with_statements(text) == text, "run `make reference`"
    assert [block(name) for name in SERVICES] == [statement() for statement in ddl.STATEMENTS.values()]


@pytest.mark.parametrize("service", SERVICES)
def test_a_statement_has_every_column_in_the_syntax_of_its_service(service: str) -> None:
    # sqlglot does not know these clauses of BigQuery.
    text = "\n".join(
        line for line in block(service).splitlines() if not line.startswith(("WITH PARTITION", "WITH CONN"))
    )
    found = [each for each in sqlglot.parse(text, dialect=service) if isinstance(each, exp.Create)]
    (table,) = (each for each in found if each.kind == "TABLE")
    columns = [column.name for column in table.this.expressions if isinstance(column, exp.ColumnDef)]
    assert [name for name in columns if name != "dt"] == [name for name, _, _ in COLUMNS]
    assert "dt" in block(service).upper().partition("PARTITION")[2].lower()
