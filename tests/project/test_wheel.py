"""The wheel as a user gets it."""

from __future__ import annotations

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stablecog_provider import __version__
from support.tree import ROOT, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_it_holds_every_module_of_the_package(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "plugins"
    modules = {str(path.relative_to(package)) for path in tracked() if (package / "stablecog_provider") in path.parents}
    assert "stablecog_provider/simulator/__init__.py" in modules
    assert modules - set(wheel.namelist()) == set()


def test_it_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {Path(name).parts[0] for name in wheel.namelist()}
    assert tops == {"stablecog_provider", f"airflow_provider_stablecog-{__version__}.dist-info"}


def test_its_entry_points_exist(wheel: zipfile.ZipFile) -> None:
    text = wheel.read(f"airflow_provider_stablecog-{__version__}.dist-info/entry_points.txt").decode()
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(text)
    assert points["console_scripts"]["stablecog-archive"] == "stablecog_provider.cli:script"
    assert points["apache_airflow_provider"]["provider_info"] == "stablecog_provider:get_provider_info"
    for section in points.sections():
        for _, target in points.items(section):
            module, _, name = target.partition(":")
            source = __import__(module, fromlist=[name or "_"])
            assert not name or hasattr(source, name), target


def test_its_metadata_names_version_licence_and_extras(wheel: zipfile.ZipFile) -> None:
    metadata = wheel.read(f"airflow_provider_stablecog-{__version__}.dist-info/METADATA").decode()
    for line in (f"Version: {__version__}", "License-Expression: Apache-2.0", "Provides-Extra: simulator"):
        assert f"\n{line}\n" in metadata
