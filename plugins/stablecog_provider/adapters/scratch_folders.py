"""Scratch folders of drills. A drill that was killed leaves its folder; the next one removes it, once it has its lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "stablecog-drill-"
STAGING = ".stablecog-restore"
"""The folder that the restore at work in a folder has locked."""


def new_scratch_folder() -> str:
    """Return a new empty folder that only this user can read. Raises OSError."""
    remove_abandoned()
    return tempfile.mkdtemp(prefix=PREFIX)


def remove_abandoned() -> None:
    """Remove the scratch folders of this user whose drill is dead: nobody holds their lock. Raises nothing."""
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    # A folder without the inner one has just been created, and its drill is about to lock it.
    lock = os.open(folder / STAGING, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(lock).st_uid == os.geteuid() and not folder.is_symlink():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
    finally:
        os.close(lock)
