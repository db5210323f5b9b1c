"""Finds the programs that come from the system instead of the lock, and the user that PostgreSQL runs as."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = {"initdb": "postgresql", "postgres": "postgresql", "redis-server": "redis-server"}
"""The Debian package of each program."""
_DEBIAN = "usr/lib/postgresql/*/bin"
"""Debian installs PostgreSQL's programs outside the PATH, in one folder per version."""
_UNPRIVILEGED = ("postgres", "nobody")


class ProgramsMissing(Exception):
    """Something must be installed first. The message names the packages."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the programs. `user`: the user for PostgreSQL if we are root, which it refuses; otherwise None."""

    paths: Mapping[str, str]
    user: pwd.struct_passwd | None

    def __getitem__(self, name: str) -> str:
        return self.paths[name]

    def unprivileged(self, *command: str) -> list[str]:
        """Return the command, run as `user`. `--pdeathsig` repeats `die_with_parent`, which a change of user resets."""
        if self.user is None:
            return list(command)
        ids = [f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups"]
        return ["setpriv", *ids, "--pdeathsig=KILL", "--", *command]


def find_programs(root: Path = Path("/")) -> Programs:
    """Find all programs. Raises ProgramsMissing."""
    paths = {name: _find(name, root) for name in PACKAGES}
    missing = sorted({PACKAGES[name] for name, path in paths.items() if path is None})
    if missing:
        raise ProgramsMissing(f"install the Debian packages first: apt-get install {' '.join(missing)}")
    user = _unprivileged_user() if os.geteuid() == 0 else None
    return Programs({name: path for name, path in paths.items() if path}, user)


def _find(name: str, root: Path) -> str | None:
    newest_first = sorted(root.glob(_DEBIAN), key=_version, reverse=True)
    return shutil.which(name) or next((str(place / name) for place in newest_first if (place / name).exists()), None)


def _version(place: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in place.parent.name.split(".") if part.isdigit())


def _unprivileged_user() -> pwd.struct_passwd:
    if not shutil.which("setpriv"):
        raise ProgramsMissing(
            "PostgreSQL refuses to run as root; install the Debian package util-linux (setpriv) first"
        )
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in _UNPRIVILEGED:
        if name in known:
            return known[name]
    raise ProgramsMissing(f"PostgreSQL refuses to run as root, and there is no user {' or '.join(_UNPRIVILEGED)}")
