"""The two ends of a copy on 127.0.0.1: an nginx that serves images from memory, and one that stores PUTs in memory.

Each speaks http, and https with a certificate of a private authority that is made for the occasion.

The sink is not S3: it accepts every signature and checks no checksum, so that only the client is measured. It keeps what it
receives, so that the work of each contender can be checked, and it returns an ETag as S3 does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..local.authority import Authority
from ..local.children import die_with_parent
from .ports import HOST, free_port, wait_for

PROGRAMS = {"nginx": "nginx-light", "wrk": "wrk", "haproxy": "haproxy"}
"""Debian package by program."""
READY_SECONDS, STOP_SECONDS = 10.0, 5.0

_CONF = """\
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes auto;
events {{ worker_connections 1024; }}
http {{
  default_type application/octet-stream;
  types {{ image/jpeg jpeg; }}
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10000;
  keepalive_requests 1000000;
  # One line per request, written in blocks: the requests of each contender are counted from it.
  log_format method "$request_method";
  client_max_body_size 64m;
  client_body_temp_path {folder}/arriving;
  proxy_temp_path {folder}/unused-proxy;
  fastcgi_temp_path {folder}/unused-fastcgi;
  uwsgi_temp_path {folder}/unused-uwsgi;
  scgi_temp_path {folder}/unused-scgi;
  ssl_certificate {certificate};
  ssl_certificate_key {certificate};
  server {{
    listen {host}:{origin};
    listen {host}:{secure_origin} ssl;
    access_log {folder}/origin.log method buffer=64k flush=100ms;
    root {folder}/images;
  }}
  server {{
    listen {host}:{sink};
    listen {host}:{secure_sink} ssl;
    access_log {folder}/sink.log method buffer=64k flush=100ms;
    root {folder}/stored;
    open_file_cache off;
    dav_methods PUT;
    create_full_put_path on;
    etag off;
    add_header ETag '"0"' always;
  }}
}}
"""


class Missing(Exception):
    """A program that the benchmark needs is not installed. The text names its package."""


class ServerFailed(Exception):
    """nginx did not start. The text is the end of its log."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Source and destination of the images. `images` and `stored` are the folders behind the two addresses.

    `authority`: the file of the private authority, if the addresses are https; `secure`: the same ends by TLS.
    """

    folder: Path
    origin: str
    sink: str
    authority: Path | None = None
    secure: Ends | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.authority else "http"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def stored(self) -> Path:
        return self.folder / "stored"

    def empty(self) -> None:
        """Remove all stored files and recorded requests, so that every contender writes into an empty bucket."""
        deadline = time.monotonic() + STOP_SECONDS
        while self.stored.exists():
            # nginx may still be writing requests that wrk left unfinished.
            shutil.rmtree(self.stored, ignore_errors=time.monotonic() < deadline)
        self.stored.mkdir()
        for log in self._logs():
            os.truncate(log, 0)

    def requests(self) -> dict[str, int]:
        """Return the number of requests since `empty` by method, at both ends together."""
        time.sleep(0.3)  # nginx writes its log after 100 ms
        found: dict[str, int] = {}
        for log in self._logs():
            for method in log.read_text().split():
                found[method] = found.get(method, 0) + 1
        return found

    def sizes(self, folder: Path, pattern: str = "*") -> list[int]:
        """Return the lengths in bytes of all files below a folder."""
        return [path.stat().st_size for path in folder.rglob(pattern) if path.is_file()]

    def _logs(self) -> tuple[Path, Path]:
        return self.folder / "origin.log", self.folder / "sink.log"


def memory() -> str | None:
    """Return the folder of a file system in memory (Linux), or None for the default folder for temporary files."""
    shm = Path("/dev/shm")  # noqa: S108 - TemporaryDirectory makes a folder that is ours alone
    return str(shm) if shm.is_dir() else None


def program(name: str) -> str:
    """Return the path of a program. Debian installs servers outside the PATH of users. Raises Missing."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise Missing(f"{name} is missing: install the Debian package `{PROGRAMS[name]}`")
    return found


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Ends]:
    """Serve from and into `folder` until the block ends. Raises Missing, ServerFailed."""
    nginx = program("nginx")
    origin, sink, secure_origin, secure_sink = (free_port() for _ in range(4))
    authority = Authority.create(folder, "authority")
    secure = Ends(folder, f"https://{HOST}:{secure_origin}", f"https://{HOST}:{secure_sink}", authority.file)
    ends = Ends(folder, f"http://{HOST}:{origin}", f"http://{HOST}:{sink}", secure=secure)
    ends.images.mkdir(exist_ok=True)
    ends.stored.mkdir(exist_ok=True)
    conf = folder / "nginx.conf"
    # If root starts nginx, its workers run as a user who may not write here.
    user = "user root;" if os.geteuid() == 0 else ""
    conf.write_text(
        _CONF.format(
            user=user,
            folder=folder,
            host=HOST,
            origin=origin,
            sink=sink,
            secure_origin=secure_origin,
            secure_sink=secure_sink,
            certificate=authority.server_file(HOST),
        )
    )
    child = subprocess.Popen(  # noqa: S603 - found by name, our own configuration
        [nginx, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(conf)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C is for us: the servers are stopped once nothing sends requests to them.
        start_new_session=True,
        # SIGTERM, because a killed nginx master leaves its workers behind.
        preexec_fn=partial(die_with_parent, signal.SIGTERM),
    )
    try:
        _wait_until_ready(child, (origin, sink), folder / "error.log")
        yield ends
    finally:
        _stop(child)


def _wait_until_ready(child: subprocess.Popen[bytes], ports: tuple[int, ...], log: Path) -> None:
    try:
        for port in ports:
            wait_for(port, child, READY_SECONDS)
    except (ChildProcessError, TimeoutError) as error:
        raise ServerFailed(f"nginx: {error}. {log.read_text()[-1000:] if log.exists() else ''}") from None


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Stop the master, which stops its workers."""
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
