"""A table of a DuckDB database that holds the manifest, replaced day by day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from ..errors import ConfigurationError

if TYPE_CHECKING:
    import duckdb


def replace_days(database: str, partitions: Mapping[date, bytes | None]) -> dict[date, int]:
    """Replace the rows of each day with those of its partition (Parquet), in one transaction per day. None: the day has none.

    Returns the number of rows per day. The table `images` has the manifest's columns and `dt`; it is made, and gets new columns,
    as needed. Safe to repeat. Raises ConfigurationError without DuckDB.
    """
    try:
        import duckdb
    except ImportError:
        raise ConfigurationError(
            "DuckDB is not installed", hint="install the extra: airflow-provider-stablecog[restore]"
        ) from None
    counts: dict[date, int] = {}
    with duckdb.connect(database) as connection:
        for day, body in partitions.items():
            connection.begin()
            try:
                counts[day] = _replace(connection, day, body)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
    return counts


def _replace(connection: duckdb.DuckDBPyConnection, day: date, body: bytes | None) -> int:
    # Read as one file: `dt` in its path is not a column of it.
    rows = None if body is None else pq.ParquetFile(BytesIO(body)).read()
    if rows is not None:
        connection.register("fresh", rows)
        connection.execute("CREATE TABLE IF NOT EXISTS images AS SELECT *, NULL::DATE AS dt FROM fresh LIMIT 0")
        known = {name for name, *_ in connection.execute("DESCRIBE images").fetchall()}
        for name, kind, *_ in connection.execute("DESCRIBE fresh").fetchall():
            if name not in known:
                connection.execute(f'ALTER TABLE images ADD COLUMN "{name}" {kind}')
    elif not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'images'").fetchall():
        return 0
    connection.execute("DELETE FROM images WHERE dt = ?", [day])
    if rows is None:
        return 0
    connection.execute("INSERT INTO images BY NAME SELECT *, ?::DATE AS dt FROM fresh", [day])
    connection.unregister("fresh")
    return int(rows.num_rows)
