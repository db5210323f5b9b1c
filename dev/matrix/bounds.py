"""`python -m dev.matrix.bounds` prints constraints: each direct dependency at the oldest version that `pyproject.toml` allows."""

from __future__ import annotations

import sys
import tomllib
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .environments import ROOT

EXTRAS = ("simulator", "restore", "page", "iceberg", "openlineage")
"""What users install. The others are tools of this repository, and the packages of other executors."""


def oldest() -> dict[str, str]:
    """The lower bound of each direct dependency, by name. Raises ValueError if one has none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = map(Requirement, chain(project["dependencies"], *(extras[name] for name in EXTRAS)))
    found: dict[str, str] = {}
    for each in declared:
        bounds = [bound.version for bound in each.specifier if bound.operator in (">=", "==")]
        if len(bounds) != 1:
            raise ValueError(f"{each} has no lower bound in pyproject.toml")
        found[canonicalize_name(each.name)] = bounds[0]
    return found


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}=={version}\n" for name, version in sorted(oldest().items()))
