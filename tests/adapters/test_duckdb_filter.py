"""Port `RowFilter` with DuckDB: what a condition can say, and that nothing else can be said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from stablecog_provider.adapters.duckdb_filter import DuckDbFilter
from stablecog_provider.adapters.parquet_partition import ParquetPartition, table_of
from stablecog_provider.errors import ConfigurationError
from stablecog_provider.model.manifest import COLUMNS, Row

AT = datetime(2026, 11, 21, tzinfo=UTC)
FOX = Row(
    output_id="a",
    rendition="original",
    created_at=AT,
    state="archived",
    first_seen_at=AT,
    last_seen_at=AT,
    run_id="r",
    raw='{"a": 1}',
    prompt="A fox",
    seed=5,
    width=512,
    is_favorited=True,
)
DOG = replace(FOX, output_id="b", created_at=AT + timedelta(hours=1), prompt="a dog", seed=None, is_favorited=False)
DAY = ParquetPartition(date(2026, 11, 21), table_of([FOX, DOG]))


async def ids(expression: str) -> str:
    return "".join(row.output_id for row in await DuckDbFilter(expression).rows(DAY))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("true", "ab"),
        ("prompt ILIKE '%FOX%'", "a"),
        ("prompt NOT LIKE '%dog%' AND width BETWEEN 1 AND 512", "a"),
        ("seed = 5", "a"),
        ("seed <> 5", ""),
        ("seed IS NULL", "b"),
        ("seed IN (4, 5)", "a"),
        ("NOT is_favorited", "b"),
        ("created_at >= '2026-11-21 00:30:00' -- from half past", "b"),
        ("created_at > timestamptz '2026-11-21 00:30:00+00'", "b"),
        ("created_at::date = '2026-11-21' AND extract(year FROM created_at) = 2026", "ab"),
        ("created_at < now() - INTERVAL 1 DAY OR created_at > now()", "ab"),
        ("raw->>'a' = '1' AND json_extract_string(raw, '$.a') = '1'", "ab"),
        ("CASE WHEN seed = 5 THEN prompt ~ 'fox' ELSE false END", "a"),
        ("regexp_matches(prompt, '^[Aa] (fox|dog)$')", "ab"),
        ("length(prompt) > 100 OR coalesce(seed, 0) = 0", "b"),
        ("PROMPT = 'A fox'", "a"),
        ("'x'", None),
        ("seed", None),
    ],
)
async def test_what_a_condition_can_say(expression: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ConfigurationError, match="not a condition"):
            DuckDbFilter(expression)
        return
    # "ab": a row in the past and one in the future of any clock cannot both be meant by one test of now().
    assert await ids(expression) == expected


async def test_every_column_can_be_named() -> None:
    assert await ids(" OR ".join(f"{name} IS NULL" for name, _, _ in COLUMNS)) == "ab"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("prompts = 'x'", "there is no column prompts"),
        ("prompt = ", "syntax error"),
        ("   ", "it is empty"),
        ("prompt = 5 + seed", "Conversion|Could not convert|cannot be used"),
        ("width = DATE '2026-11-21'", "Cannot compare|cannot be used"),
        ("lower(5, 6) = 'x'", "lower"),
    ],
)
async def test_a_mistake_is_named(expression: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        await ids(expression)
    assert "restore --help" in refused.value.hint


async def test_a_condition_that_takes_too_long_is_stopped() -> None:
    table = table_of([FOX] * 200_000)
    slow = " AND ".join(
        f"regexp_matches(raw || prompt || '{number}', '(a|b|ab)*(c|d|{number}x)*$')" for number in range(40)
    )
    with pytest.raises(ConfigurationError, match="took more than 0 seconds"):
        await DuckDbFilter(slow, seconds=0.001).rows(ParquetPartition(DAY.day, table))


def test_the_connection_itself_is_locked(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "file.csv").write_text("a\n1\n")
    connection = DuckDbFilter("true")._connection
    for statement in (
        f"FROM read_csv('{tmp_path}/file.csv')",
        f"FROM read_text('{tmp_path}/file.csv')",
        f"FROM '{tmp_path}/file.csv'",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/new.db'",
        f"EXPORT DATABASE '{tmp_path}/all'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET lock_configuration = false",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM DAY",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(statement).fetchall()
    assert [each.name for each in tmp_path.iterdir()] == ["file.csv"]
