"""The command line without Airflow: it imports none of it, and works in a trimmed environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from dev.trim import SERVICES, main, trim
from project.test_locks import pins
from support.tree import ROOT

pytestmark = pytest.mark.slow

WITHOUT_AIRFLOW = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "airflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
# As the program does: httpx then leaves out its own command line.
sys.modules.setdefault("httpx._main", None)
"""
EVERY_MODULE = """
OF_EXTRAS = (
    "stablecog_provider.adapters.browsed",
    "stablecog_provider.adapters.duckdb_filter",
    "stablecog_provider.adapters.iceberg_table",
    "stablecog_provider.adapters.pillow_thumbnails",
    "stablecog_provider.web",
)
import json, pkgutil
from importlib import import_module
from importlib.metadata import packages_distributions
import stablecog_provider
for module in pkgutil.walk_packages(stablecog_provider.__path__, "stablecog_provider."):
    if not module.name.startswith(("stablecog_provider.airflow", "stablecog_provider.simulator", *OF_EXTRAS)):
        import_module(module.name)
from stablecog_provider.cli import main
assert main(["--version"]) == 0
assert main(["run", "--help"]) == 0
owners = packages_distributions()
print(json.dumps(sorted({owner for name in set(sys.modules) & set(owners) for owner in owners[name]})))
"""
TRIMMED = """
import asyncio, boto3, pyarrow
from support.scene import Scene
from stablecog_provider.simulator.world import World
assert pyarrow.__file__.startswith(FOLDER), pyarrow.__file__
scene = Scene(World.generate(outputs=20, days=2))
assert asyncio.run(scene.run()).exit_code in (0, 3)
assert asyncio.run(scene.rows())
session = boto3.Session("a", "b", region_name="eu-central-1")
assert boto3.__file__.startswith(FOLDER)
print(*(session.client(name).meta.service_model.service_name for name in SERVICES))
"""


def python(program: str, path: list[Path]) -> str:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_every_module_but_those_for_airflow_is_imported_without_it() -> None:
    used = json.loads(python(WITHOUT_AIRFLOW + EVERY_MODULE, [ROOT / "plugins"]))
    assert {"boto3", "obstore", "pycurl", "pyarrow", "typer"} <= set(used)
    # Beside these, the start of the interpreter and of the tests' environment imports some.
    # httpx imports zstandard if it is installed, and works without it.
    ours = {"airflow-provider-stablecog", "editables", "setuptools", "pip", "coverage", "pytest-cov", "zstandard"}
    assert {canonicalize_name(name) for name in used} - set(pins("cli.lock")) - ours == set()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with copies of what is trimmed."""
    made = tmp_path_factory.mktemp("environment")
    (made / "pyvenv.cfg").touch()
    packages = made / "lib" / "python3.11" / "site-packages"
    for name in ("pyarrow", "botocore", "boto3"):
        spec = find_spec(name)
        assert spec
        assert spec.origin
        shutil.copytree(Path(spec.origin).parent, packages / name, copy_function=_linked)
    (packages / "pip").mkdir()
    return made


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def test_the_archive_works_in_a_trimmed_environment(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packages = environment / "lib" / "python3.11" / "site-packages"
    assert main([str(environment)]) == 0
    after, before = (int(part.split()[0]) for part in capsys.readouterr().out.partition(": ")[2].split(", "))
    assert after <= before - 70
    assert not (packages / "pip").exists()
    begin = f"FOLDER, SERVICES = {str(packages)!r}, {sorted(SERVICES)!r}\n"
    printed = python(begin + TRIMMED, [packages, ROOT / "plugins", ROOT, ROOT / "tests"])
    assert printed.split() == sorted(SERVICES)
    trim(environment)


def test_an_environment_with_airflow_or_none_at_all_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    (packages / "airflow").mkdir(parents=True)
    (packages / "pip").mkdir()
    assert main([str(tmp_path)]) == 2
    (tmp_path / "pyvenv.cfg").touch()
    assert main([str(tmp_path)]) == 2
    assert (packages / "pip").exists()
    assert "contains Airflow" in capsys.readouterr().err
    assert main([]) == 2
