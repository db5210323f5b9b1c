"""How much of the manifest DuckDB and Spark read for three typical questions: `python -m dev.bench.bytes_read [--rows N]`.

Two layouts of the same rows: a file per day, as the archive writes them, and a file per month. Bytes and calls are those of the
process, from the kernel's counters, so that what an engine reads twice counts twice. Spark needs `make engines` first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_partition import ParquetPartition
from stablecog_provider.model.object_keys import Layout

from .page_archive import MODELS, NEWEST, write

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".bytes-read"
LAYOUT = Layout("bench")
PYTHONS = {"DuckDB": Path(sys.executable), "Spark": ROOT / ".venv-engines/bin/python"}
DAY = NEWEST.date().replace(day=1)
QUESTIONS = {
    "one day": f"select count(*), sum(bytes) from manifest where created_at >= TIMESTAMP '{DAY} 00:00:00+00' "
    f"and created_at < TIMESTAMP '{DAY} 00:00:00+00' + interval '1' day and {{partition}}",
    "one model": f"select count(*), sum(bytes) from manifest where model_id = '{MODELS[0]}'",
    "a word in prompts": "select count(*) from manifest where prompt like '%teapot%'",
}
PARTITION = {"per day": f"dt = DATE '{DAY}'", "per month": f"month = '{DAY:%Y-%m}'"}
DUCKDB = """
import duckdb, json, os, sys
def counters():
    lines = dict(line.split(": ") for line in open("/proc/self/io").read().splitlines())
    return int(lines["rchar"]), int(lines["syscr"])
connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
connection.execute("SET threads = 2")
found = {}
for name, question in json.loads(sys.argv[2]).items():
    table = f"read_parquet('{sys.argv[1]}/*/*.parquet', hive_partitioning = true, hive_types_autocast = true)"
    before = counters()
    connection.execute(question.replace("from manifest", f"from {table}").replace("month = ", "month::varchar = ")).fetchall()
    after = counters()
    found[name] = [after[0] - before[0], after[1] - before[1]]
print(json.dumps(found))
"""
SPARK = """
import json, sys
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC").config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
process = spark._jvm.java.lang.ProcessHandle.current().pid()
def counters():
    lines = dict(line.split(": ") for line in open(f"/proc/{process}/io").read().splitlines())
    return int(lines["rchar"]), int(lines["syscr"])
questions = json.loads(sys.argv[2])
table = spark.read.parquet(sys.argv[1])
table.createOrReplaceTempView("manifest")
# Once before, so that classes are loaded.
for question in questions.values():
    spark.sql(question).collect()
found = {}
for name, question in questions.items():
    before = counters()
    spark.sql(question).collect()
    after = counters()
    found[name] = [after[0] - before[0], after[1] - before[1]]
print(json.dumps(found))
"""
PROGRAMS = {"DuckDB": DUCKDB, "Spark": SPARK}


@dataclass(frozen=True)
class Read:
    """`bytes` of `size` that were read, in `calls` calls of the kernel."""

    engine: str
    layout: str
    question: str
    bytes: int
    calls: int
    size: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.bench.bytes_read", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=sorted(PROGRAMS), help="one engine")
    options = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        _write(options.rows)
        sys.stdout.write(table(list(_asked([options.only] if options.only else sorted(PROGRAMS)))))
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    return 0


def _write(rows: int) -> None:
    """Write the rows in both layouts."""
    store = MemoryObjectStore()
    asyncio.run(write(store, LAYOUT, rows, 0))
    months: dict[str, list[pa.Table]] = {}
    for key, stored in sorted(store.objects.items()):
        day = LAYOUT.parse_partition(key)
        if day is not None:
            _put(FOLDER / "per day" / f"dt={day}/manifest.parquet", bytes(stored.body))
            months.setdefault(f"{day:%Y-%m}", []).append(pq.read_table(pa.BufferReader(stored.body)))
    for month, tables in months.items():
        # In the same way as a day, and sorted as one.
        body = ParquetPartition(DAY, pa.concat_tables(tables).combine_chunks()).to_parquet()
        _put(FOLDER / "per month" / f"month={month}/manifest.parquet", body)


def _put(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(body)


def _asked(engines: list[str]) -> Iterator[Read]:
    for engine in engines:
        for layout, condition in PARTITION.items():
            folder = FOLDER / layout
            size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
            questions = {name: text.format(partition=condition) for name, text in QUESTIONS.items()}
            command = [str(PYTHONS[engine]), "-c", PROGRAMS[engine], str(folder), json.dumps(questions)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (our own program)
            for question, (count, calls) in json.loads(done.stdout.splitlines()[-1]).items():
                yield Read(engine, layout, question, count, calls, size)


def table(found: list[Read]) -> str:
    """Return the results as a table in Markdown."""
    lines = ["| engine | files | question | MB read | of MB | share | calls |", "|---|---|---|---|---|---|---|"]
    for each in found:
        share = f"{each.bytes / each.size:.2%}"
        numbers = f"{each.bytes / 1e6:.2f} | {each.size / 1e6:.1f} | {share} | {each.calls:,}"
        lines.append(f"| {each.engine} | {each.layout} | {each.question} | {numbers} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
