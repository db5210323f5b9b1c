"""Reads the Iceberg table with DuckDB, directly from S3. Its extensions are Python packages that lag behind DuckDB."""

from __future__ import annotations

import importlib
from pathlib import Path

import duckdb

from .duckdb import DIALECT
from .place import Place, Reading
from .sql import ask, elsewhere

EXTENSIONS = ("avro", "httpfs", "iceberg")


def read(place: Place) -> Reading:
    connection = duckdb.connect()
    for name in EXTENSIONS:
        package = importlib.import_module(f"duckdb_extension_{name}")
        (found,) = Path(str(package.__file__)).parent.rglob(f"{name}.duckdb_extension")
        connection.execute(f"load '{found}'")
    key, secret = place.keys
    connection.execute(
        f"create secret (type s3, key_id '{key}', secret '{secret}', endpoint '{place.host}', url_style 'path', use_ssl false)"
    )
    connection.execute(f"create view manifest as from iceberg_scan('{place.iceberg}')")
    connection.execute(f"create view models as from read_parquet('{place.models}')")

    def run(text: str) -> list[tuple[object, ...]]:
        return connection.execute(text).fetchall()

    ((kind,),) = run("select distinct typeof(dt) from manifest")
    return Reading(duckdb.__version__, str(kind).lower(), ask(run, DIALECT), elsewhere(run, DIALECT), True)
