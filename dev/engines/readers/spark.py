"""Spark, in one process. It reads S3 by jars of Hadoop that PyPI does not have, so it reads the folder alone."""

from __future__ import annotations

import pyspark
from pyspark.sql import SparkSession

from ..questions import Dialect
from .place import NEW_COLUMN, Place, Reading
from .sql import ask, elsewhere

DIALECT = Dialect(
    day="DATE '{}'",
    local_day="cast(from_utc_timestamp(cast(convert_timezone(current_timezone(), 'UTC', cast(created_at as timestamp_ntz)) "
    "as string), '{zone}') as date)",
    micros="unix_micros(created_at)",
    text="cast({} as string)",
)


def session() -> SparkSession:
    """Return a session on this machine without a user interface."""
    return (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )


def read(place: Place) -> Reading:
    spark = session()
    spark.sparkContext.setLogLevel("ERROR")
    manifest = spark.read.option("mergeSchema", "true").parquet(place.manifest)
    manifest.createOrReplaceTempView("manifest")
    spark.read.parquet(place.models).createOrReplaceTempView("models")

    def run(text: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in spark.sql(text).collect()]

    kind = dict(manifest.dtypes)["dt"]
    sees = NEW_COLUMN in spark.read.parquet(place.manifest).columns
    reading = Reading(pyspark.__version__, kind, ask(run, DIALECT), elsewhere(run, DIALECT), sees)
    spark.stop()
    return reading
