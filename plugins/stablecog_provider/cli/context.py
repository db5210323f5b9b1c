"""What a command takes from outside: environment, streams, and what opens the ports. Tests replace each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ..adapters.settings import SourceSettings, StoreSettings
    from ..archive.forgetting.ports import ForgetPorts
    from ..archive.ports import BucketPorts, ObjectStore, Ports
    from ..archive.publishing.ports import PublishPorts
    from ..archive.restoring.ports import RestorePorts
    from ..model.object_keys import Layout

    OpenPorts = Callable[[SourceSettings, StoreSettings, Layout], AbstractAsyncContextManager[Ports]]
    OpenBucket = Callable[[StoreSettings, Layout, Sequence[str]], AbstractAsyncContextManager[BucketPorts]]
    OpenErasable = Callable[[StoreSettings, Layout], AbstractAsyncContextManager[ForgetPorts]]
    OpenPublishing = Callable[[StoreSettings, Layout, str, str], AbstractAsyncContextManager[PublishPorts]]
    OpenStore = Callable[[StoreSettings, Layout], AbstractAsyncContextManager[ObjectStore]]
    OpenRestorePorts = Callable[[StoreSettings, Layout, Sequence[str]], AbstractAsyncContextManager[RestorePorts]]


def _open_ports(source: SourceSettings, store: StoreSettings, layout: Layout) -> AbstractAsyncContextManager[Ports]:
    from ..adapters.assembly import open_ports

    return open_ports(source, store, layout)


def _open_bucket(
    store: StoreSettings, layout: Layout, image_hosts: Sequence[str]
) -> AbstractAsyncContextManager[BucketPorts]:
    from ..adapters.assembly import open_bucket

    return open_bucket(store, layout, image_hosts)


def _open_erasable(store: StoreSettings, layout: Layout) -> AbstractAsyncContextManager[ForgetPorts]:
    from ..adapters.assembly import open_erasable

    return open_erasable(store, layout)


def _open_publishing(
    store: StoreSettings, layout: Layout, catalog: str, table: str
) -> AbstractAsyncContextManager[PublishPorts]:
    from ..adapters.publishing import open_publishing

    return open_publishing(store, layout, catalog, table)


def _open_store(store: StoreSettings, layout: Layout) -> AbstractAsyncContextManager[ObjectStore]:
    from ..adapters.assembly import open_store

    return open_store(store, layout)


def _open_restore_ports(
    store: StoreSettings, layout: Layout, image_hosts: Sequence[str]
) -> AbstractAsyncContextManager[RestorePorts]:
    from ..adapters.assembly import open_restore_ports

    return open_restore_ports(store, layout, image_hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class CliContext:
    """What every command is given. The repr omits `environ`, which holds secrets."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    open_ports: OpenPorts = _open_ports
    open_bucket: OpenBucket = _open_bucket
    open_erasable: OpenErasable = _open_erasable
    open_publishing: OpenPublishing = _open_publishing
    open_store: OpenStore = _open_store
    open_restore_ports: OpenRestorePorts = _open_restore_ports
