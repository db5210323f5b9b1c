"""DuckDB. Its httpfs extension would have to be downloaded, so S3 goes through a filesystem of pyarrow."""

from __future__ import annotations

import duckdb

from ..questions import Dialect
from .place import NEW_COLUMN, Place, Reading
from .sql import ask, elsewhere

DIALECT = Dialect(
    day="DATE '{}'",
    local_day="cast(timezone('{zone}', created_at) as date)",
    micros="epoch_us(created_at)",
)


def read(place: Place) -> Reading:
    connection = duckdb.connect()
    if place.is_s3:
        from .arrow_fsspec import ArrowS3
        from .arrow_s3 import filesystem

        connection.register_filesystem(ArrowS3(filesystem(place)))
    root = place.root.replace("s3://", "arrow://") if place.is_s3 else place.root
    connection.execute(
        f"create view manifest as from read_parquet('{root}/manifest/*/*.parquet', hive_partitioning=true, union_by_name=true)"
    )
    connection.execute(f"create view models as from read_parquet('{root}/models/models.parquet')")

    def run(text: str) -> list[tuple[object, ...]]:
        return connection.execute(text).fetchall()

    ((kind,),) = run("select distinct typeof(dt) from manifest")
    plain = [row[0] for row in run(f"describe from read_parquet('{root}/manifest/*/*.parquet')")]
    return Reading(
        duckdb.__version__, str(kind).lower(), ask(run, DIALECT), elsewhere(run, DIALECT), NEW_COLUMN in plain
    )
