"""Secrets: everything is run with canaries, at DEBUG and with faults, and all that was written is searched for them.

The command line in processes of its own, the adapters in this one (for chains of causes and reprs), Airflow with a home of its
own. What the simulator and its server log is caught in this process.
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
from .adapters import inside
from .airflow_task import airflow_scenarios
from .stage import BUCKET, Scenario, Stage, environment, scenarios, stage

_COMMAND = "import logging; logging.basicConfig(level=1); from stablecog_provider.cli import script; script()"
_PATIENCE = 180.0
AIRFLOW_FROM = 20
"""Fewer scenarios than this leave Airflow out: its home alone takes half a minute."""


async def run(random: Random, size: int) -> list[Tally]:
    tally = Tally("secrets", "scenarios")
    with tempfile.TemporaryDirectory() as folder, logged() as log:
        home = Path(folder)
        (home / "config").write_text("[none]\nregion = us-east-1\ncredential_process = false\n")
        async with stage() as scene:
            known = scenarios(home)
            for scenario in random.sample(known, min(size, len(known))):
                _judge(tally, scenario.name, *await typed(scene, scenario))
            for name, written in await inside(scene):
                _judge(tally, f"inside: {name}", written)
            if size >= AIRFLOW_FROM:
                async for name, written in airflow_scenarios(scene, home):
                    _judge(tally, f"Airflow: {name}", written)
        _judge(tally, "what the servers logged", log.getvalue().encode("utf-8", "replace"))
    return [tally]


def _judge(tally: Tally, name: str, *written: bytes) -> None:
    tally.tried += 1
    found = [leak for each in written for leak in leaks(each)]
    tally.leaked += len(found)
    tally.faults += [f"{name}: {leak}" for leak in found]
    if not written[0]:
        tally.faults.append(f"{name}: nothing was written, so nothing was searched")


async def typed(scene: Stage, scenario: Scenario) -> list[bytes]:
    """`run --json --debug` and `status --debug` under a scenario: what they wrote, and what stands in the bucket."""
    scene.prepare(scenario)
    prefix = "".join(mark if mark.isalnum() else "-" for mark in scenario.name)
    place = ("--to", f"s3://{BUCKET}/{prefix}", "--endpoint-url", scene.store_of(scenario))
    archive = ("run", *place, "--source", scene.source_of(scenario), "--image-host", scene.image_host)
    lines = ((*archive, "--json", "--debug", *scenario.arguments), ("status", *place, "--debug"))
    written = [await _typed(line, dict(scenario.environ)) for line in lines]
    return [*written, await scene.kept(prefix)]


async def _typed(arguments: tuple[str, ...], environ: dict[str, str]) -> bytes:
    return await captured_output(
        (sys.executable, "-c", _COMMAND, *arguments), environment(**environ), patience=_PATIENCE
    )


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All that is logged in this process, at the lowest level."""
    log = io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    # The campaign's own boto3 client, which looks at the bucket; the archive's is heard in the children.
    handler.addFilter(lambda record: not record.name.startswith(("boto3", "botocore")))
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


SECTION = Section("secrets", run, full=20, slice=3)
