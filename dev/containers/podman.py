"""podman as an engine for Compose, with a configuration, a storage and a network namespace of its own. Needs root and Linux.

Facts, observed with podman 4.3 and buildah 1.28 of Debian 12:

- buildah has to run without a namespace (`--isolation chroot`) if the machine is itself a container.
- crun fails on cgroups v1; runc works. Both need limits that are at most the caller's own.
- Health checks fire only under systemd, so a thread runs them here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..local.children import StepFailed as ServerFailed
from ..local.children import started, wait_until
from .engines import Engine, StepFailed, compose_command

PROGRAMS = {
    "podman": "podman",
    "buildah": "buildah",
    "runc": "runc",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
}
"""The Debian package of each program. netavark and aardvark-dns are needed as well, outside the PATH."""
PACKAGES = ("netavark", "aardvark-dns")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
UNTRIED = (
    "the compose build (buildah builds the same Dockerfile; Compose runs with --no-build)",
    "health checks by the engine itself (a thread runs them)",
)
_CLONE_NEWNET = 0x40000000
_HEALTH_SECONDS = 3.0
_MAX_PROCESSES = 32768


def podman(root: Path, folder: Path) -> Engine | None:
    """Return podman, or None if it or what it needs is missing. `folder`: for its storage and configuration."""
    if sys.platform != "linux" or os.geteuid() or any(shutil.which(name) is None for name in PROGRAMS):
        return None
    environ = os.environ | _configured(folder)
    engine = Engine(
        name="podman",
        version="",
        root=root,
        command=("podman",),
        builder=("buildah", "bud", *_builder_options()),
        compose_command=compose_command(),
        environ=environ | {"DOCKER_HOST": f"unix://{folder}/podman.sock"},
        builds_by_itself=False,
        untried=UNTRIED,
    )
    return replace(engine, version=engine.call("podman", "--version").split()[-1])


def _builder_options() -> list[str]:
    options = ["--isolation", "chroot", "--network", "host", "--format", "docker", "--layers", "--pull-never"]
    if AUTHORITIES.exists():
        # Lets pip in a build trust what this machine trusts, for example the proxy of a company.
        options += ["--volume", f"{AUTHORITIES}:{AUTHORITIES}:ro"]
    return options


def _configured(folder: Path) -> dict[str, str]:
    """Write the configuration and return the variables that name it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    (folder / "containers.conf").write_text(
        "[engine]\n"
        'runtime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        "compat_api_enforce_docker_hub = false\n"
        "[containers]\n"
        f'default_ulimits = ["nofile={files}:{files}", "nproc={_MAX_PROCESSES}:{_MAX_PROCESSES}"]\n'
        "[network]\n"
        f'network_backend = "netavark"\nnetwork_config_dir = "{folder}/networks"\n'
    )
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/storage"\n'
    )
    return {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }


@contextlib.contextmanager
def serving(engine: Engine, folder: Path) -> Iterator[None]:
    """Serve podman's API to Compose, in a new network namespace that this process enters for good.

    So no port of the machine is taken and no rule of its firewall is changed. Raises StepFailed.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise StepFailed(f"no network namespace can be made: {os.strerror(ctypes.get_errno())}")
    engine.call("ip", "link", "set", "lo", "up")
    socket, log = folder / "podman.sock", folder / "podman.log"
    socket.unlink(missing_ok=True)
    command = ["podman", "system", "service", "--time", "0", f"unix://{socket}"]
    stop = threading.Event()
    checks = threading.Thread(target=_check_health, args=(engine, stop), daemon=True)
    try:
        with started(command, log, engine.environ) as child:
            wait_until("podman's API", socket.exists, child, log, 60)
            checks.start()
            yield
    except ServerFailed as failed:
        raise StepFailed(f"{failed}\n{failed.tail}") from None
    finally:
        stop.set()
        if checks.is_alive():
            checks.join(60)


def _check_health(engine: Engine, stop: threading.Event) -> None:
    """Run the health checks of all containers that have one."""
    names = [
        "podman",
        "ps",
        "--filter",
        "health=starting",
        "--filter",
        "health=healthy",
        "--filter",
        "health=unhealthy",
    ]
    while not stop.wait(_HEALTH_SECONDS):
        with contextlib.suppress(StepFailed, subprocess.SubprocessError):
            for name in engine.call(*names, "--format", "{{.Names}}").split():
                with contextlib.suppress(StepFailed):
                    engine.call("podman", "healthcheck", "run", name, seconds=30)
