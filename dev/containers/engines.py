"""The container engine of this machine: Docker if its daemon answers, else podman. Both are driven through Compose."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMPOSE_FILE = "docker/compose.yaml"


class StepFailed(Exception):
    """A command of the engine failed. The message has its end."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`command`: docker or podman. `builder`: the command that builds, up to its options. `compose`: the Compose command."""

    name: str
    version: str
    root: Path
    command: tuple[str, ...]
    builder: tuple[str, ...]
    compose_command: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    builds_by_itself: bool = True
    """Whether Compose can build with it."""
    untried: tuple[str, ...] = ()
    """What differs from an ordinary Docker, for the table."""

    def build(self, target: str, tag: str, arguments: Mapping[str, str]) -> None:
        options = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        self.call(
            *self.builder, *options, "--target", target, "--tag", tag, "--file", "docker/Dockerfile", ".", seconds=1800
        )

    def run(self, image: str, *typed: str, options: Sequence[str] = ()) -> str:
        """Run a command in a new container, without a network, and return its output. Raises StepFailed."""
        return self.call(*self.command, "run", "--rm", "--network", "none", *options, image, *typed, seconds=180)

    def compose(self, *typed: str, seconds: float = 300) -> str:
        return self.call(*self.compose_command, "-f", COMPOSE_FILE, *typed, seconds=seconds)

    def inspect(self, name: str, template: str) -> str:
        return self.call(*self.command, "inspect", "--format", template, name).strip()

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        (found,) = self.compose("ps", "--all", "--quiet", service).split()
        return found

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what Compose says of each service: `State`, `Health`, `ExitCode`."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {each["Service"]: each for each in map(json.loads, lines)}

    def has_image(self, name: str) -> bool:
        return not self._ran(*self.command, "image", "inspect", name).returncode

    def call(self, *command: str, seconds: float = 60) -> str:
        """Run a command and return its output. Raises StepFailed, also if it takes too long."""
        result = self._ran(*command, seconds=seconds)
        if result.returncode:
            end = "\n".join((result.stdout + result.stderr).strip().splitlines()[-15:])
            raise StepFailed(f"`{' '.join(command)}` ended with {result.returncode}: {end}")
        return result.stdout

    def _ran(self, *command: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        # Compose survives SIGTERM while it waits for an answer, so its whole group is killed.
        with subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=self.root,
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child:
            try:
                out, err = child.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                raise StepFailed(f"`{' '.join(command)}` is not done after {seconds:.0f} s") from None
            except BaseException:
                os.killpg(child.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, child.returncode, out, err)


def docker(root: Path) -> Engine | None:
    """Return Docker, or None if it is not installed or its daemon does not answer."""
    if not (program := shutil.which("docker")):
        return None
    answer = subprocess.run(  # noqa: S603
        [program, "info", "--format", "{{.ServerVersion}}"], capture_output=True, text=True, check=False, timeout=60
    )
    if answer.returncode or not answer.stdout.strip():
        return None
    return Engine(
        name="Docker",
        version=answer.stdout.strip(),
        root=root,
        command=(program,),
        builder=(program, "build"),
        compose_command=compose_command(),
        environ=os.environ,
    )


def compose_command() -> tuple[str, ...]:
    """Return the Compose of the lock."""
    return (str(Path(sys.executable).with_name("docker-compose")),)
