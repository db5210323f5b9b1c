"""The demo, step by step."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ..local.airflow_home import AirflowHome, connections
from ..local.archive_reader import ArchiveReader
from ..local.children import StepFailed
from ..local.s3_server import seaweedfs
from ..local.simulator import simulator
from .numbers import ask
from .show import Paging, show_answer, show_next, show_places, show_proof, show_runs

OUTPUTS, DAYS = 2000, 30
BUCKET, PREFIX = "archive", "stablecog"
HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Folders:
    """`root`: the project. `demo`: everything that the demo writes. Only `kept` survives the next start."""

    root: Path
    demo: Path

    @property
    def logs(self) -> Path:
        return self.demo / "logs"

    @property
    def store(self) -> Path:
        return self.demo / "seaweedfs"

    @property
    def airflow(self) -> Path:
        return self.demo / "airflow"

    @property
    def manifest(self) -> Path:
        return self.demo / "manifest"

    @property
    def kept(self) -> Path:
        return self.demo / "kept"

    def clean(self) -> None:
        for folder in (self.logs, self.store, self.airflow, self.manifest):
            if folder.exists():
                shutil.rmtree(folder)
        self.logs.mkdir(parents=True)


def play(console: Console, folders: Folders) -> None:
    """Run the demo and print its results. Raises StepFailed, ServerFailed."""
    began = time.monotonic()
    home = AirflowHome(folders.airflow, folders.root, folders.kept, folders.logs)
    with contextlib.ExitStack() as running:
        with _step(console, f"Start a simulated account ({OUTPUTS:,} outputs, {DAYS} days), an S3 server, Airflow"):
            migration = running.enter_context(home.prepared())
            source = running.enter_context(simulator(folders.logs / "simulator.log", OUTPUTS, DAYS))
            store = running.enter_context(seaweedfs(folders.store, bucket=BUCKET))
            home.ready(migration)
            # The session in progress ends, and its outputs settle.
            listed = source.advance(HOUR)
        environ = connections(source.address, source.api_key, source.image_host, store)
        environ |= {"STABLECOG_ARCHIVE_BUCKET": BUCKET, "STABLECOG_ARCHIVE_PREFIX": PREFIX}
        with (
            _step(console, "Run the DAG: it archives the whole account and proves that nothing is missing"),
            ThreadPoolExecutor(1) as beside,
        ):
            # Airflow takes longer to start than this takes, so it costs no time.
            naive = beside.submit(source.follow_next)
            home.run_dag("the DAG's first run", "dag-first-run.log", environ)
        with _step(console, "Let a day pass at the source: new outputs, late upscales, deletions"):
            source.advance(DAY)
        with _step(console, "Run the DAG again: it archives the new day and nothing else"):
            home.run_dag("the DAG's second run", "dag-second-run.log", environ)
        _show(console, folders, ArchiveReader(store, BUCKET, PREFIX), Paging(listed, naive.result()))
    console.print(f"[dim]The demo took {time.monotonic() - began:.0f} s. Everything that it started is stopped.[/]")


def _show(console: Console, folders: Folders, archive: ArchiveReader, paging: Paging) -> None:
    reports = archive.reports()
    if len(reports) != 2:
        raise StepFailed("reading the reports", f"two runs wrote {len(reports)} reports")
    partitions = archive.download_manifest(folders.manifest)
    answers = ask(partitions, archive.download("models/models.parquet", folders.manifest.with_name("models.parquet")))
    console.print()
    show_runs(console, {"first run": reports[0], "a day later": reports[1]})
    show_proof(console, reports[1], paging)
    for title, answer in answers.items():
        show_answer(console, title, answer, bar="outputs" if title == "Outputs per day" else None)
    places = {
        "volumes of the S3 server": folders.store / "volumes",
        "copy of the manifest": folders.manifest,
        "logs of every step": folders.logs,
    }
    near = {label: path.relative_to(folders.demo.parent) for label, path in places.items()}
    show_places(console, f"s3://{BUCKET}/{PREFIX}", archive.sizes(), near)
    show_next(console, _next_commands(near["copy of the manifest"]))
    if not all(report["proven"] for report in reports):
        raise StepFailed("the proof", "a run ended without a proof", folders.logs / "dag-second-run.log")


def _next_commands(manifest: Path) -> dict[str, str]:
    query = f"from '{manifest}/*/*.parquet' select created_at, width, height, bytes, prompt limit 5"
    return {
        "Look at the pictures, and at the state of the archive, in your browser:": "make look",
        "Query the manifest:": f""".venv/bin/python -c "import duckdb; duckdb.sql('''{query}''').show()\"""",
        "Archive your own account (README.md, Quick start):": "export STABLECOG_API_KEY=sc-... && "
        ".venv/bin/stablecog-archive run --to s3://my-bucket/stablecog",
        "See it in Airflow's web interface:": "docker compose -f docker/compose.yaml up",
    }


@contextlib.contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    began = time.monotonic()
    with console.status(f"{title} ..."):
        yield
    console.print(f"[green]✓[/] {title} [dim]({time.monotonic() - began:.0f} s)[/]", soft_wrap=True)
