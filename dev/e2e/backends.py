"""Airflow's database and broker: a fresh PostgreSQL and Redis on loopback, with a new password for each run."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..local.children import finish, started, wait_until
from ..local.s3_server import HOST, free_ports
from .programs import Programs

USER, DATABASE = "airflow", "postgres"
# The data is needed during the run only, so it need not survive a crash of the machine.
_THROWAWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Backends:
    """Addresses that contain the passwords, for Airflow's settings."""

    database: str = field(repr=False)
    """`user:password@host:port/name`"""
    broker: str = field(repr=False)
    """`redis://:password@host:port/0`"""


@contextlib.contextmanager
def backends(programs: Programs, folder: Path, logs: Path) -> Iterator[Backends]:
    """Run both until the block ends. `folder` holds the data of Redis. Raises StepFailed."""
    with postgres(programs, logs) as database, redis(programs, folder, logs) as broker:
        yield Backends(database, broker)


@contextlib.contextmanager
def postgres(programs: Programs, logs: Path) -> Iterator[str]:
    """Run a new cluster and remove it at the end. It is outside the project, which another user may be unable to read."""
    password, (port,) = secrets.token_hex(16), free_ports(1)
    log, environ = logs / "postgres.log", {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryDirectory(prefix="stablecog-e2e-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        cluster = folder / "cluster"
        secret = folder / "password"
        secret.write_text(password)
        for path in (folder, secret):
            _hand_over(path, programs)
        initdb = [programs["initdb"], "--pgdata", str(cluster), "--username", USER, "--pwfile", str(secret)]
        initdb += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"]
        with started(programs.unprivileged(*initdb), log, environ) as child:
            finish("initdb", child, log, _SECONDS)
        settings = (f"listen_addresses={HOST}", f"port={port}", "unix_socket_directories=", *_THROWAWAY)
        serve = [programs["postgres"], "-D", str(cluster), *(part for each in settings for part in ("-c", each))]
        with started(programs.unprivileged(*serve), log, environ) as child:
            wait_until("PostgreSQL", lambda: "ready to accept connections" in log.read_text(), child, log, _SECONDS)
            yield f"{USER}:{password}@{HOST}:{port}/{DATABASE}"


def _hand_over(path: Path, programs: Programs) -> None:
    path.chmod(0o700 if path.is_dir() else 0o600)
    if programs.user:
        os.chown(path, programs.user.pw_uid, programs.user.pw_gid)


@contextlib.contextmanager
def redis(programs: Programs, folder: Path, logs: Path) -> Iterator[str]:
    password, (port,) = secrets.token_hex(16), free_ports(1)
    folder.mkdir(parents=True)
    settings = folder / "redis.conf"
    settings.touch(0o600)
    settings.write_text(f'bind {HOST}\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\n')
    log = logs / "redis.log"
    with started([programs["redis-server"], str(settings)], log, {"PATH": os.environ["PATH"]}) as child:
        wait_until("Redis", lambda: _answers(port, password), child, log, _SECONDS)
        yield f"redis://:{password}@{HOST}:{port}/0"


def _answers(port: int, password: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        return b"+OK" in connection.recv(64)
    return False
