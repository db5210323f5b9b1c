"""Removes from an environment what the command line never loads: `python3 dev/trim.py ENVIRONMENT`.

Most of it are parts of pyarrow (Flight, its S3 client, C++ headers, tests) and botocore's descriptions of other AWS services. pip
is removed, too: to upgrade, create the environment again. Uses the standard library alone, so that any Python can run it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

UNUSED = (
    "pyarrow/include", "pyarrow/src", "pyarrow/tests", "pyarrow/*flight*", "pyarrow/libarrow_s3*", "pyarrow/_s3fs*",
    "pip", "pip-*", "setuptools", "setuptools-*", "pkg_resources", "_distutils_hack", "distutils-precedence.pth",
)  # fmt: skip
SERVICES = {"s3", "signin", "sso", "sso-oidc", "sts"}
"""AWS services that the archive uses: the store, and those that issue its credentials."""


def unused(packages: Path) -> Iterator[Path]:
    """Yield what can be removed from a folder `site-packages`."""
    for pattern in UNUSED:
        yield from packages.glob(pattern)
    for service in (packages / "botocore" / "data").glob("*/"):
        if service.is_dir() and service.name not in SERVICES:
            yield service


def trim(environment: Path) -> None:
    """Remove it. Raises ValueError if the folder is no virtual environment, or one with Airflow."""
    found = list(environment.glob("lib/python3.*/site-packages"))
    if not (environment / "pyvenv.cfg").is_file() or len(found) != 1:
        raise ValueError(f"{environment} is not a virtual environment")
    if list(found[0].glob("apache_airflow*")) or (found[0] / "airflow").exists():
        raise ValueError(f"{environment} contains Airflow, which uses what would be removed")
    for path in unused(found[0]):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def size(folder: Path) -> int:
    """Return the megabytes of its files."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) // 1_000_000


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python3 dev/trim.py ENVIRONMENT\n")
        return 2
    environment = Path(arguments[0])
    before = size(environment)
    try:
        trim(environment)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(f"{environment}: {size(environment)} MB, {before} MB before\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
