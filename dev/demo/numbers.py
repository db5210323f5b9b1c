"""The demo's queries: DuckDB over the manifest that was read back from the bucket.

DuckDB could read `s3://` with its httpfs extension, but would have to download it. Here it receives Arrow tables instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

QUERIES = {
    "Outputs per day": """
        select cast(created_at at time zone 'UTC' as date) as day, count(*) as images,
               count(distinct output_id) as outputs, sum(bytes) as bytes
        from manifest where state = 'archived' group by day order by day desc limit 8""",
    "By model": """
        select coalesce(models.name, 'unknown model ' || left(model_id, 8)) as model,
               if(any_value(retired_at) is null, '', 'retired') as now,
               count(distinct output_id) as outputs, count(*) as images, sum(bytes) as bytes
        from manifest left join models on models.id = manifest.model_id
        where state = 'archived' group by model order by outputs desc limit 6""",
    "By kind of image": """
        select rendition, content_type as type, state, count(*) as images, sum(bytes) as bytes,
               cast(avg(bytes) as bigint) as mean_bytes
        from manifest group by all order by images desc""",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns and rows of a query's result."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def ask(partitions: list[Path], models: Path) -> dict[str, Answer]:
    """Run each query of QUERIES over the partitions and the names of models."""
    manifest = pa.concat_tables([pq.ParquetFile(path).read() for path in partitions])
    with duckdb.connect() as connection:
        connection.register("manifest", manifest)
        connection.register("models", pq.ParquetFile(models).read())
        return {title: _answer(connection.execute(query)) for title, query in QUERIES.items()}


def _answer(result: duckdb.DuckDBPyConnection) -> Answer:
    return Answer([column[0] for column in result.description or ()], result.fetchall())
