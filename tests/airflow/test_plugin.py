"""Three ways to use the package: files in a plugins folder, an installed provider, a library without Airflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from support.airflow_canary import settings
from support.tree import ROOT

LOOK = """
import importlib.metadata, json, sys
from airflow import plugins_manager
from airflow.models import DagBag
plugins_manager.ensure_plugins_loaded()
bag = DagBag(sys.argv[1])
import stablecog_provider
print("FOUND" + json.dumps({
    "installed": [d.name for d in importlib.metadata.distributions() if "stablecog" in d.name],
    "plugins": [plugin["name"] for plugin in plugins_manager.get_plugin_info()],
    "plugin_errors": getattr(plugins_manager, "get_import_errors", lambda: plugins_manager.import_errors)(),
    "dags": {id: [task.__class__.__name__ for task in dag.tasks] for id, dag in bag.dags.items()},
    "dag_errors": bag.import_errors,
    "package": stablecog_provider.__file__,
    "run_as_plugins": sorted(name for name, module in sys.modules.items()
        if "stablecog" in (getattr(module, "__file__", None) or "") and not name.startswith("stablecog_provider")),
}))
"""

LIBRARY = """
import importlib, json, pkgutil, sys
sys.modules["airflow"] = None
import stablecog_provider
stablecog_provider.get_provider_info()
found = pkgutil.walk_packages(stablecog_provider.__path__, "stablecog_provider.", onerror=lambda name: None)
names = [module.name for module in found if ".airflow" not in module.name and not module.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print("FOUND" + json.dumps(names))
"""


@pytest.fixture(scope="module")
def packages_without_ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Links to everything that is installed, except this distribution and its `.pth` file."""
    overlay = tmp_path_factory.mktemp("site-packages")
    for item in Path(sysconfig.get_path("purelib")).iterdir():
        if item.suffix != ".pth" and "stablecog" not in item.name:
            (overlay / item.name).symlink_to(item)
    return overlay


def look(script: str, *arguments: str, path: Path, **environment: str) -> Any:
    """Run a script in an interpreter that sees only the standard library and `path`. Return what it found."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "COV", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", script, *arguments],
        env={**clean, "PYTHONPATH": str(path), **environment},
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    assert found, done.stdout + done.stderr
    return json.loads(found[0].removeprefix("FOUND"))


def test_files_in_a_plugins_folder_are_enough(packages_without_ours: Path, tmp_path: Path) -> None:
    plugins, dags = tmp_path / "plugins", tmp_path / "dags"
    shutil.copytree(ROOT / "plugins", plugins, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    environment = settings(tmp_path) | {"AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins)}
    found = look(LOOK, str(dags), path=packages_without_ours, **environment)
    assert found["installed"] == []
    assert found["plugins"].count("stablecog") == 1
    assert found["plugin_errors"] == {}
    assert found["dag_errors"] == {}
    assert found["dags"] == {
        "stablecog_archive_daily": ["StablecogToS3Operator"],
        "stablecog_archive_weekly": [
            "StablecogVerifyOperator",
            "StablecogRestoreOperator",
            "StablecogRefreshOperator",
            "StablecogStatusOperator",
            "EmptyOperator",
        ],
        "stablecog_backfill": ["_PythonDecoratedOperator", "MappedOperator", "StablecogToS3Operator"],
        "stablecog_new_outputs": ["StablecogToS3Operator"],
        "stablecog_changed_days": ["_PythonDecoratedOperator"],
        "stablecog_rebuild": ["StablecogRebuildOperator", "StablecogToS3Operator"],
        "stablecog_restore": ["StablecogRestoreOperator"],
    }
    assert Path(found["package"]).parent == plugins / "stablecog_provider"
    # Airflow loaded one file of the folder as a plugin, and no module of the package.
    assert [name for name in found["run_as_plugins"] if not name.startswith("unusual_prefix")] == ["stablecog_plugin"]


def test_all_but_the_airflow_folder_works_without_airflow(packages_without_ours: Path, tmp_path: Path) -> None:
    (tmp_path / "stablecog_provider").symlink_to(ROOT / "plugins" / "stablecog_provider")
    names = look(LIBRARY, path=packages_without_ours, PYTHONPATH=f"{packages_without_ours}{os.pathsep}{tmp_path}")
    assert {"stablecog_provider.archive.run", "stablecog_provider.adapters.assembly"} <= set(names)
    assert not [name for name in names if ".airflow" in name]
