"""chDB: ClickHouse as a library."""

from __future__ import annotations

import json
from importlib.metadata import version

from chdb.session import Session

from ..questions import Dialect
from .place import NEW_COLUMN, Place, Reading
from .sql import ask, elsewhere

DIALECT = Dialect(
    day="'{}'",
    local_day="toDate(created_at, '{zone}')",
    micros="toUnixTimestamp64Micro(created_at)",
    length="char_length(prompt)",
    text="toString({})",
)


def read(place: Place) -> Reading:
    session = Session()
    settings = "use_hive_partitioning = 1, schema_inference_mode = 'union'"

    def source(path: str) -> str:
        if not place.is_s3:
            return f"file('{place.root}/{path}', 'Parquet')"
        key, secret = place.keys
        bucket = f"{place.endpoint}/{place.root.removeprefix('s3://')}"
        return f"s3('{bucket}/{path}', '{key}', '{secret}', 'Parquet')"

    def run(text: str) -> list[list[object]]:
        begin = (
            f"with manifest as (select * from {source('manifest/*/*.parquet')}), models as (select * from "
            f"{source('models/models.parquet')}) "
        )
        end = f" settings {settings}, join_use_nulls = 1, output_format_json_quote_64bit_integers = 0"
        found = session.query(begin + text + end, "JSONCompactEachRow")
        return [json.loads(line) for line in str(found).splitlines() if line]

    ((kind,),) = run("select distinct toTypeName(dt) from manifest")
    described = str(session.query(f"describe table {source('manifest/*/*.parquet')}", "JSONCompactEachRow"))
    dates = elsewhere(run, DIALECT, "toDate(created_at)")
    return Reading(version("chdb"), str(kind), ask(run, DIALECT), dates, NEW_COLUMN in described)
