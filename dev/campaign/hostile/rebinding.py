"""DNS rebinding: a name of the service has a public address first, and an address inside later.

Public addresses are played in a network namespace of its own, where nothing leaves the machine. It needs root, or a kernel that
lets everybody make namespaces.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from stablecog_provider.adapters.network.network import Network

from ...local.authority import Authority
from ...local.tiny_jpeg import tiny_jpeg
from ..rig.listeners import Canary, LyingResolver, served
from ..rig.tally import Tally
from .vector_runs import Chosen
from .vectors import METADATA, Vector

PUBLIC, DEAD = "93.184.216.34", "93.184.216.35"
"""Public addresses, inside the namespace: of a host that answers, and of one without a server."""
INSIDE = (
    "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.19.0.1", "224.0.0.251",
    "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "fe80::1", "fc00::1", *METADATA,
)  # fmt: skip
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SET_FLAGS, _SET_ADDRESS = 0x8914, 0x8916
_UP = 0x1
_IMAGE = tiny_jpeg(b"a public image")


def try_rebinding() -> Tally:
    """Run all vectors in a process of its own, which enters the namespace. A note says so if none can be made."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_in_namespace).result()


def rebound() -> list[Vector]:
    """Return names of the service whose address changes: after a redirect, after a failure, and while connecting."""
    found = []
    for number, inside in enumerate(INSIDE):
        urls = [f"https://{kind}{number}.stablecog.com/{kind}" for kind in ("moved", "fails", "dead")]
        found += [
            Vector(f"{inside} after a redirect", urls[0], (PUBLIC, inside)),
            Vector(f"{inside} at the second attempt", urls[1], (PUBLIC, inside)),
            Vector(f"{inside} behind one that is dead", urls[2], (f"{DEAD} {inside}",)),
        ]
    return found


def _in_namespace() -> Tally:
    tally = Tally("hostile", "DNS rebindings")
    try:
        _enter()
    except OSError as error:
        tally.notes.append(f"DNS rebinding was not tried: no network namespace can be made ({error.strerror})")
    else:
        asyncio.run(_try_all(tally))
    return tally


def _enter() -> None:
    """Move this process into a network namespace that has the public addresses. Raises OSError."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "not Linux")
    # Only root may make the second without the first.
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET
    if ctypes.CDLL(None, use_errno=True).unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
        for number, address in enumerate((PUBLIC, DEAD)):
            wanted = struct.pack("16sHH4s8x", f"lo:{number}".encode(), socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, _SET_ADDRESS, wanted)


async def _try_all(tally: Tally) -> None:
    chosen = rebound()
    tried = 0

    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        path = head.split(" ")[1]
        tried += path in ("/moved", "/fails")
        status = {"/moved": "302 Found\r\nLocation: /image", "/fails": "503 Busy"}.get(path, "200 OK")
        body = _IMAGE if path == "/image" else b""
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    with tempfile.TemporaryDirectory() as folder:
        authority = Authority.create(Path(folder))
        network = Network.of({"SSL_CERT_FILE": str(authority.file)})
        async with (
            Canary() as canary,
            served(answer, authority.server("*.stablecog.com"), host=PUBLIC, port=canary.port),
        ):
            answers = {vector.url.split("/")[2]: vector.answers for vector in chosen}
            resolver = LyingResolver(answers | {"control.stablecog.com": (PUBLIC,)}, canary.port)
            faults = await Chosen(chosen, canary.port).run(
                "https://control.stablecog.com", resolver=resolver, network=network
            )
            tally.faults += faults
        tally.tried, tally.leaked = len(chosen), len(canary.received)
    if tried != (expected := sum(len(vector.answers) > 1 for vector in chosen)):
        tally.faults.append(f"the public host was asked {tried} times instead of {expected}")
