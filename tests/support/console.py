"""Runs commands with their own streams and ports."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.forgetting.ports import ForgetPorts
from stablecog_provider.archive.ports import BucketPorts, ObjectStore, Ports
from stablecog_provider.archive.restoring.ports import RestorePorts
from stablecog_provider.cli import main
from stablecog_provider.cli.context import CliContext

KEY = "sc-" + "5ec2e7" * 10 + "abcd"
TO = "s3://archive/stablecog"


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Typed:
    """Result of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Return the only JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def type_in(
    *arguments: str,
    ports: Ports | None = None,
    store: ObjectStore | None = None,
    bucket: BucketPorts | None = None,
    restore_ports: RestorePorts | None = None,
    erasable: ForgetPorts | None = None,
    raises: BaseException | None = None,
    environ: dict[str, str] | None = None,
    terminal: bool = False,
) -> Typed:
    """Run a command with the given ports. If `raises` is set, opening the ports raises it."""
    out, err = io.StringIO(), Terminal() if terminal else io.StringIO()

    @asynccontextmanager
    async def open_ports(*_: object) -> AsyncIterator[Ports]:
        if raises:
            raise raises
        assert ports is not None
        yield ports

    @asynccontextmanager
    async def open_bucket(*_: object) -> AsyncIterator[BucketPorts]:
        if raises:
            raise raises
        assert bucket is not None
        yield bucket

    @asynccontextmanager
    async def open_erasable(*_: object) -> AsyncIterator[ForgetPorts]:
        if raises:
            raise raises
        assert erasable is not None
        yield erasable

    @asynccontextmanager
    async def open_store(*_: object) -> AsyncIterator[ObjectStore]:
        if raises:
            raise raises
        yield store or MemoryObjectStore()

    @asynccontextmanager
    async def open_restore_ports(*_: object) -> AsyncIterator[RestorePorts]:
        if raises:
            raise raises
        assert restore_ports is not None
        yield restore_ports

    context = CliContext(
        environ={"STABLECOG_API_KEY": KEY} if environ is None else environ,
        out=out,
        err=err,
        open_ports=open_ports,
        open_bucket=open_bucket,
        open_erasable=open_erasable,
        open_store=open_store,
        open_restore_ports=open_restore_ports,
    )
    code = main(arguments, context)
    return Typed(code, out.getvalue(), err.getvalue())
