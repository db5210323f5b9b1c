"""Asks an engine in a process of its own, in `.venv-engines`, and compares what it answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .questions import SESSION, Rows

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-engines/bin/python"
ICEBERG_PYTHON = ROOT / ".venv-engines-iceberg/bin/python"
SECONDS = 600.0
ENGINES = ("duckdb", "polars", "pyarrow", "pandas", "pandas_default", "datafusion", "spark", "chdb")
ICEBERG = ("duckdb_iceberg", "polars_iceberg")
"""Readers of the Iceberg table, which is only in the bucket."""
REASONS = {
    (
        "pandas_default",
        "seeds",
    ): "pandas keeps integers as float64 if one is null, and these are exact up to 2^53 only: use "
    "`types_mapper=pd.ArrowDtype` or `dtype_backend='pyarrow'`",
}
"""Known differences. One that is gone fails, too."""
NO_S3 = {"spark": "needs jars of Hadoop (hadoop-aws), which the Python package does not have"}
NO_JAVA = "needs Java 17: apt-get install openjdk-17-jre-headless, or set JAVA_HOME"


@dataclass(frozen=True)
class Asked:
    """What an engine answered at a place. `reading`: as `readers.place.Reading`; None if it could not be asked.
    `skipped`: it cannot read from there, and the reason is known.
    """

    engine: str
    is_s3: bool
    reading: Mapping[str, Any] | None = None
    trouble: str = ""
    skipped: str = ""

    def differences(self, right: Mapping[str, Rows]) -> list[str]:
        """Return the questions that it answered in another way."""
        found = self.reading["answers"] if self.reading else {}
        return [name for name, rows in right.items() if found.get(name) != rows]

    def known(self) -> set[str]:
        return {question for engine, question in REASONS if engine == self.engine}

    def holds(self, right: Mapping[str, Rows]) -> bool:
        """Whether it answers as expected: differs where a reason is known, and nowhere else."""
        return bool(self.skipped) or (self.reading is not None and {*self.differences(right)} == self.known())


def ask(engine: str, root: str, environ: Mapping[str, str]) -> Asked:
    """Run one reader. Its process is in another time zone, which must not change an answer."""
    is_s3 = root.startswith("s3://")
    if is_s3 and engine in NO_S3:
        return Asked(engine, is_s3, skipped=NO_S3[engine])
    if engine == "spark" and (missing := missing_java()):
        return Asked(engine, is_s3, trouble=missing)
    command = [str(ICEBERG_PYTHON if engine in ICEBERG else PYTHON), "-m", "dev.engines.readers", engine, root]
    done = run(command, {**environ, "TZ": SESSION})
    if isinstance(done, str):
        return Asked(engine, is_s3, trouble=done)
    return Asked(engine, is_s3, reading=json.loads(done.stdout.splitlines()[-1]))


def missing_java() -> str:
    """Return what to do if there is no Java; empty if there is one."""
    home = os.environ.get("JAVA_HOME")
    found = Path(home, "bin/java").exists() if home else shutil.which("java")
    return "" if found else NO_JAVA


def run(command: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str] | str:
    """Run a program to its end. Returns the reason as a text if it fails."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    try:
        done = subprocess.run(  # noqa: S603 (our own programs)
            command, env={**own, **environ}, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not done after {SECONDS:.0f} s"
    lines = [line for line in done.stderr.splitlines() if line.strip(" ^~|")]
    return done if done.returncode == 0 else (lines or [f"exit code {done.returncode}"])[-1][:300]
