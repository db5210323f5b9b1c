"""Statements that create the manifest as a table, from its columns. `python -m dev.engines.ddl` puts them into the docs.

`dt` is a column of the path, not of the files. A test compares docs/engines.md with these functions.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from stablecog_provider.model.manifest import BOOL, COLUMNS, FLOAT64, INSTANT, INT32, INT64, STRING
from stablecog_provider.model.times import BEGINNING

PAGE = Path(__file__).resolve().parents[2] / "docs/engines.md"
ADDRESS = "s3://my-bucket/stablecog/manifest"
FIRST_DAY = BEGINNING.date().isoformat()
"""An output whose date cannot be read has its row in this partition."""
HIVE = {STRING: "string", INSTANT: "timestamp", INT32: "int", INT64: "bigint", FLOAT64: "double", BOOL: "boolean"}
TRINO = {STRING: "varchar", INSTANT: "timestamp", INT32: "integer", INT64: "bigint", FLOAT64: "double", BOOL: "boolean"}
SNOWFLAKE = {
    STRING: "varchar", INSTANT: "timestamp_ltz", INT32: "integer", INT64: "bigint", FLOAT64: "double", BOOL: "boolean",
}  # fmt: skip
BIGQUERY = {STRING: "STRING", INSTANT: "TIMESTAMP", INT32: "INT64", INT64: "INT64", FLOAT64: "FLOAT64", BOOL: "BOOL"}
PROJECTION = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": f"{FIRST_DAY},NOW",
    "projection.dt.interval": "1",
    "projection.dt.interval.unit": "DAYS",
}


def athena() -> str:
    """Return the statement for Athena, with partition projection. It makes a table in Glue's catalogue."""
    properties = {**PROJECTION, "storage.location.template": f"{ADDRESS}/dt=${{dt}}/"}
    listed = ",\n  ".join(f"'{name}' = '{value}'" for name, value in properties.items())
    return (
        f"CREATE EXTERNAL TABLE stablecog_images (\n{_columns(HIVE)})\nPARTITIONED BY (dt string)\nSTORED AS PARQUET\n"
        f"LOCATION '{ADDRESS}/'\nTBLPROPERTIES (\n  {listed});\n"
    )


def trino() -> str:
    """Return the statements for Trino's Hive connector."""
    return (
        f"CREATE TABLE hive.stablecog.images (\n{_columns(TRINO)},\n  dt varchar)\nWITH (external_location = '{ADDRESS}/', "
        "format = 'PARQUET', partitioned_by = ARRAY['dt']);\n\n"
        "CALL hive.system.sync_partition_metadata('stablecog', 'images', 'FULL');\n"
    )


def snowflake() -> str:
    """Return the statements for Snowflake: a file format, a stage and an external table."""
    kinds = {kind: f"{name} AS (value:{{name}}::{name})" for kind, name in SNOWFLAKE.items()}
    stage = ADDRESS.removesuffix("/manifest")
    return (
        "CREATE FILE FORMAT stablecog_parquet TYPE = PARQUET USE_LOGICAL_TYPE = TRUE;\n\n"
        f"CREATE STAGE stablecog_stage URL = '{stage}/' STORAGE_INTEGRATION = my_integration;\n\n"
        "CREATE EXTERNAL TABLE stablecog_images (\n  dt date AS (to_date(split_part(split_part(metadata$filename, 'dt=', 2), "
        f"'/', 1), 'YYYY-MM-DD')),\n{_columns(kinds, one_per_line=True)})\nPARTITION BY (dt)\n"
        "LOCATION = @stablecog_stage/manifest/\nFILE_FORMAT = (FORMAT_NAME = 'stablecog_parquet');\n"
    )


def bigquery() -> str:
    """Return the statement for BigQuery."""
    return (
        f"CREATE EXTERNAL TABLE my_dataset.stablecog_images (\n{_columns(BIGQUERY)})\n"
        "WITH PARTITION COLUMNS (dt DATE)\nWITH CONNECTION `aws-us-east-1.my_connection`\n"
        f"OPTIONS (format = 'PARQUET', uris = ['{ADDRESS}/*'],\n  hive_partition_uri_prefix = '{ADDRESS}');\n"
    )


def glue_columns() -> list[dict[str, str]]:
    """Return the columns of the table in Glue's catalogue, without `dt`."""
    return [{"Name": name, "Type": HIVE[kind]} for name, kind, _ in COLUMNS]


STATEMENTS: dict[str, Callable[[], str]] = {
    "athena": athena,
    "trino": trino,
    "snowflake": snowflake,
    "bigquery": bigquery,
}


def _columns(kinds: Mapping[str, str], *, one_per_line: bool = False) -> str:
    columns = [f"{name} {kinds[kind].format(name=name)}" for name, kind, _ in COLUMNS]
    if one_per_line:
        return textwrap.indent(",\n".join(columns), "  ")
    # A name and its type stay on one line.
    listed = ", ".join(column.replace(" ", "~") for column in columns)
    return textwrap.fill(listed, 118, initial_indent="  ", subsequent_indent="  ").replace("~", " ")


def with_statements(text: str) -> str:
    """Return the page with each marked statement as it should be."""
    for name, statement in STATEMENTS.items():
        begin = f"<!-- tested: {name} -->\n```sql\n"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{statement()}{rest[rest.index('```') :]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(with_statements(PAGE.read_text()))
