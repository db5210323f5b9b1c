"""Secrets: everything runs with canaries, at DEBUG and with faults, and all output is searched for them.

The command line runs in separate processes, the adapters in this one (to see causes and reprs), Airflow with its own home.
Logs of the simulator are captured in this process.
"""

from __future__ import annotations

import io
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from ..rig.canaries import leaks
from ..rig.captured_output import captured_output
from ..rig.tally import Section, Tally
from .adapters import adapter_output
from .airflow_task import airflow_scenarios
from .stage import BUCKET, Scenario, Stage, environment, scenarios, stage

_COMMAND = "import logging; logging.basicConfig(level=1); from stablecog_provider.cli import script; script()"
_PATIENCE = 180.0
AIRFLOW_FROM = 20
"""Smaller sizes leave Airflow out, because creating its home takes half a minute."""


async def run(random: Random, size: int) -> list[Tally]:
    tally = Tally("secrets", "scenarios")
    with tempfile.TemporaryDirectory() as folder, logged() as log:
        home = Path(folder)
        (home / "config").write_text("[none]\nregion = us-east-1\ncredential_process = false\n")
        async with stage() as scene:
            known = scenarios(home)
            for scenario in random.sample(known, min(size, len(known))):
                _judge(tally, scenario.name, *await command_output(scene, scenario))
            for name, written in await adapter_output(scene):
                _judge(tally, f"adapters: {name}", written)
            if size >= AIRFLOW_FROM:
                async for name, written in airflow_scenarios(scene, home):
                    _judge(tally, f"Airflow: {name}", written)
        _judge(tally, "logs of the servers", log.getvalue().encode("utf-8", "replace"))
    return [tally]


def _judge(tally: Tally, name: str, *written: bytes) -> None:
    tally.tried += 1
    found = [leak for each in written for leak in leaks(each)]
    tally.leaked += len(found)
    tally.faults += [f"{name}: {leak}" for leak in found]
    if not written[0]:
        tally.faults.append(f"{name}: there was no output to search")


async def command_output(scene: Stage, scenario: Scenario) -> list[bytes]:
    """Return the output of `run --json --debug` and of `status --debug`, and the contents of the bucket."""
    scene.prepare(scenario)
    prefix = "".join(mark if mark.isalnum() else "-" for mark in scenario.name)
    place = ("--to", f"s3://{BUCKET}/{prefix}", "--endpoint-url", scene.store_of(scenario))
    archive = ("run", *place, "--source", scene.source_of(scenario), "--image-host", scene.image_host)
    lines = ((*archive, "--json", "--debug", *scenario.arguments), ("status", *place, "--debug"))
    written = [await _run_command(line, dict(scenario.environ)) for line in lines]
    return [*written, await scene.kept(prefix)]


async def _run_command(arguments: tuple[str, ...], environ: dict[str, str]) -> bytes:
    return await captured_output(
        (sys.executable, "-c", _COMMAND, *arguments), environment(**environ), patience=_PATIENCE
    )


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Capture all logs of this process, at the lowest level."""
    log = io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    # Leave out the campaign's own boto3 client. The archive's runs in child processes.
    handler.addFilter(lambda record: not record.name.startswith(("boto3", "botocore")))
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


SECTION = Section("secrets", run, full=40, slice=3)
