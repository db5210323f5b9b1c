"""DataFusion."""

from __future__ import annotations

import datafusion
from datafusion import SessionContext
from datafusion.object_store import AmazonS3

from ..questions import Dialect
from .place import Place, Reading
from .sql import ask, elsewhere

DIALECT = Dialect(
    day="'{}'",
    local_day="cast(to_local_time(created_at at time zone '{zone}') as date)",
    micros="cast(created_at as bigint)",
    length="character_length(prompt)",
)


def read(place: Place) -> Reading:
    context = SessionContext()
    if place.is_s3:
        key, secret = place.keys
        bucket = place.root.removeprefix("s3://").partition("/")[0]
        store = AmazonS3(
            bucket_name=bucket, region="us-east-1", access_key_id=key, secret_access_key=secret, endpoint=place.endpoint,
            allow_http=True,
        )  # fmt: skip
        context.register_object_store("s3://", store, bucket)
    context.sql(f"create external table manifest stored as parquet partitioned by (dt) location '{place.manifest}/'")
    # It takes the columns from all files; otherwise the question on `gone_since` fails.
    context.sql(f"create external table models stored as parquet location '{place.models}'")

    def run(text: str) -> list[list[object]]:
        return [list(row.values()) for batch in context.sql(text).collect() for row in batch.to_pylist()]

    ((kind,),) = run("select distinct arrow_typeof(dt) from manifest")
    return Reading(
        datafusion.__version__,
        "string" if "Utf8" in str(kind) else str(kind),
        ask(run, DIALECT),
        elsewhere(run, DIALECT),
        True,
    )
