"""The base images: the official ones if the engine has or can pull them, else stand-ins from Debian's packages."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from .engines import Engine, StepFailed

_DEBIAN = "python3,python3-venv,ca-certificates,dumb-init,netbase"
_ENTRYPOINT = """#!/bin/bash
# As the entrypoint of the Airflow image: unknown words are arguments of `airflow`.
case "${1:-}" in
    bash | python) exec "$@" ;;
    airflow) shift ;;
esac
exec airflow "$@"
"""
_DOCKERFILE = """FROM scratch AS python
ADD rootfs.tar /

FROM python AS airflow
RUN useradd --uid 50000 --gid 0 --create-home --home-dir /home/airflow airflow \\
 && install -d -o 50000 -g 0 /opt/airflow
COPY --chmod=755 entrypoint /entrypoint
USER 50000
RUN python3 -m venv /home/airflow/.local
ENV PATH=/home/airflow/.local/bin:/usr/local/bin:/usr/bin:/bin AIRFLOW_HOME=/opt/airflow HOME=/home/airflow
ENV DUMB_INIT_SETSID=1
WORKDIR /opt/airflow
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint"]
"""


@dataclass(frozen=True, slots=True)
class Bases:
    """Names of the base images by build argument. `untried`: what stand-ins leave open."""

    arguments: dict[str, str]
    untried: tuple[str, ...] = ()


def base_images(engine: Engine, folder: Path) -> Bases:
    """Find, pull or make the base images. Raises StepFailed."""
    text = (engine.root / "docker/Dockerfile").read_text()
    official = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", text, re.MULTILINE))
    if all(engine.has_image(name) or _pulled(engine, name) for name in official.values()):
        return Bases(official)
    if engine.builds_by_itself:
        raise StepFailed(f"the base images {', '.join(official.values())} cannot be pulled: is the registry reachable?")
    made = {"AIRFLOW_IMAGE": "localhost/airflow-standin:latest", "PYTHON_IMAGE": "localhost/python-standin:latest"}
    if not all(engine.has_image(name) for name in made.values()):
        _make(engine, folder / "standin", made)
    return Bases(made, (f"the official base images {', '.join(official.values())} (stand-ins of Debian's Python)",))


def _pulled(engine: Engine, name: str) -> bool:
    with contextlib.suppress(StepFailed):
        engine.call(*engine.command, "pull", "--quiet", name, seconds=600)
        return True
    return False


def _make(engine: Engine, folder: Path, names: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    (folder / "entrypoint").write_text(_ENTRYPOINT)
    half, whole = folder / "half.tar", folder / "rootfs.tar"
    if not whole.exists():
        engine.call("mmdebstrap", "--variant=minbase", f"--include={_DEBIAN}", "bookworm", str(half), seconds=1200)
        half.replace(whole)
    for argument, target in (("PYTHON_IMAGE", "python"), ("AIRFLOW_IMAGE", "airflow")):
        engine.call(*engine.builder, "--target", target, "--tag", names[argument], str(folder), seconds=600)
