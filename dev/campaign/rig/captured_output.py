"""Captures the output of a child process, even if it has to be stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ...local.children import KILL_SECONDS
from .deadline import within


async def captured_output(
    command: tuple[str, ...], environ: Mapping[str, str], *, patience: float, folder: Path | None = None
) -> bytes:
    """Run `command` in `folder` for at most `patience` seconds, kill its process group, and return what it wrote."""
    with tempfile.TemporaryFile() as written:
        child = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environ),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), patience)
        finally:
            # The group may outlive its leader, or be gone already.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await within(KILL_SECONDS, "a killed child", child.wait())
        written.seek(0)
        return written.read()
