"""What a child process wrote, also where it had to be stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path


async def heard(
    command: tuple[str, ...], environ: Mapping[str, str], *, patience: float, folder: Path | None = None
) -> bytes:
    """Run `command` in `folder` for at most `patience` seconds, then stop its process group. Returns all that it wrote."""
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
            await asyncio.wait_for(child.wait(), patience)
        except TimeoutError:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        written.seek(0)
        return written.read()
