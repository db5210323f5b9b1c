"""Free ports on 127.0.0.1, and waiting until something listens there."""

from __future__ import annotations

import socket
import subprocess
import time

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, child: subprocess.Popen[bytes], seconds: float = 30.0) -> None:
    """Wait until something listens. Raises TimeoutError, or ChildProcessError if the program has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise ChildProcessError(f"{child.args!r} ended with {child.returncode} before it listened")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port} after {seconds:g} s")
