"""The manifest as a DuckDB table: days are replaced, not added."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stablecog_provider.adapters.duckdb_table import replace_days

FIRST, SECOND = date(2026, 11, 20), date(2026, 11, 21)


def parquet(**columns: list[Any]) -> bytes:
    body = BytesIO()
    pq.write_table(pa.table(columns), body)
    return body.getvalue()


def rows(database: str) -> list[Any]:
    with duckdb.connect(database) as connection:
        return connection.execute("SELECT * FROM images ORDER BY ALL").fetchall()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "archive.duckdb")


def test_loading_a_day_again_replaces_it(database: str) -> None:
    assert replace_days(database, {FIRST: parquet(id=["a", "b"]), SECOND: parquet(id=["c"])}) == {FIRST: 2, SECOND: 1}
    for _ in range(2):
        replace_days(database, {FIRST: parquet(id=["b"])})
        assert rows(database) == [("b", FIRST), ("c", SECOND)]


def test_a_day_without_a_partition_has_no_rows(database: str) -> None:
    assert replace_days(database, {FIRST: None}) == {FIRST: 0}
    replace_days(database, {FIRST: parquet(id=["a"]), SECOND: parquet(id=["c"])})
    assert replace_days(database, {FIRST: None}) == {FIRST: 0}
    assert rows(database) == [("c", SECOND)]


def test_a_column_that_is_new_is_added(database: str) -> None:
    replace_days(database, {FIRST: parquet(id=["a"])})
    replace_days(database, {SECOND: parquet(id=["c"], later=[7])})
    replace_days(database, {FIRST: parquet(id=["a"])})
    assert rows(database) == [("a", FIRST, None), ("c", SECOND, 7)]


def test_a_load_that_fails_leaves_the_day_as_it_was(database: str) -> None:
    replace_days(database, {FIRST: parquet(number=[1])})
    with pytest.raises(duckdb.Error):
        replace_days(database, {FIRST: parquet(number=["not a number"])})
    assert rows(database) == [(1, FIRST)]
