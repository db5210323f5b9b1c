"""The environments, each with a lock of its own, and how each is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = Path(__file__).parent / "locks"
AIRFLOW = ("tests/airflow", "tests/web")
ALL = ("tests/airflow", "tests/web", "tests/cli", "tests/adapters", "tests/archive", "tests/model", "tests/simulator")


class NotMade(Exception):
    """An environment cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`name`: also that of its lock. `tests`: the folders of tests that run in it. `what`: in words, for the table."""

    name: str
    python: str
    tests: tuple[str, ...]
    what: str

    @property
    def lock(self) -> Path:
        return LOCKS / f"{self.name}.lock"

    @property
    def folder(self) -> Path:
        return ROOT / f".venv-matrix-{self.name}"

    @property
    def interpreter(self) -> Path:
        return self.folder / "bin" / "python"


ENVIRONMENTS = (
    Environment("oldest", "3.11", ALL, "the oldest allowed version of each direct dependency"),
    Environment("airflow-3.1", "3.11", AIRFLOW, "the newest versions beside Airflow 3.1"),
    Environment("airflow-3.2", "3.12", ALL, "the newest versions beside Airflow 3.2"),
    Environment("airflow-3.3", "3.13", ALL, "the newest versions beside Airflow 3.3"),
)
"""`make test` is the fifth: CPython 3.11 and the newest versions, from `requirements.lock`."""


def make(environment: Environment) -> None:
    """Install the environment from its lock, and the package into it, unless it is as the lock says. Raises NotMade."""
    ready = environment.folder / ".ready"
    if ready.is_file() and ready.read_bytes() == environment.lock.read_bytes():
        return
    python = interpreter(environment.python)
    shutil.rmtree(environment.folder, ignore_errors=True)
    uv = [str(Path(sys.executable).with_name("uv")), "--quiet"]
    inside = ["--python", str(environment.interpreter)]
    _call([python, "-m", "venv", "--without-pip", str(environment.folder)])
    _call([*uv, "pip", "sync", *inside, "--require-hashes", str(environment.lock)])
    _call([*uv, "pip", "install", *inside, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    ready.write_bytes(environment.lock.read_bytes())


def interpreter(version: str) -> str:
    """Return a CPython of this version (`3.12`): `$PYTHON_3_12`, one on the PATH, or one of pyenv. Raises NotMade."""
    variable = f"PYTHON_{version.replace('.', '_')}"
    for candidate in _candidates(version, variable):
        # A shim of pyenv is there for versions that it refuses to run.
        try:
            if said(candidate, "'%d.%d' % sys.version_info[:2]") == version:
                return candidate
        except (OSError, subprocess.CalledProcessError):
            continue
    raise NotMade(f"no CPython {version} was found: install it, or name it in {variable}")


def said(python: str, expression: str) -> str:
    """What an interpreter says of itself. Raises OSError or CalledProcessError if it does not run."""
    command = [python, "-c", f"import sys; print({expression})"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def _candidates(version: str, variable: str) -> Iterator[str]:
    yield from filter(None, [os.environ.get(variable), shutil.which(f"python{version}")])
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True))


def _call(command: list[str]) -> None:
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own programs)
    if found.returncode:
        raise NotMade(f"{Path(command[0]).name} {' '.join(command[1:4])} failed: {found.stderr.strip()[-600:]}")
