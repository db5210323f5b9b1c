"""Archives whose prompts can be searched for, and a search through every version of every object."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stablecog_provider.adapters.memory import Call, Hook, MemoryObjectStore
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.row_lifecycle import image_name
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.archived import a_past_world
from support.killed import Killed
from support.scene import LAYOUT, Scene, small_jpeg
from support.worlds import checkpoint


def secret_of(output_id: str) -> str:
    """The word that only the prompt of this output has."""
    return f"quokka{output_id.replace('-', '')[:20]}"


def with_secrets(document: dict[str, Any]) -> None:
    """Give each output of a page a prompt of its own."""
    for each in document.get("outputs", []):
        each["generation"]["prompt"] = {"id": each["id"], "text": f"a portrait of {secret_of(each['id'])}"}


async def archived_with_secrets(world: SimulatedWorld | None = None) -> Scene:
    """Return an archive in a bucket with versions, after two runs, with a report and earlier versions of every partition."""
    scene = Scene(world or a_past_world(), store=MemoryObjectStore(versioned=True), spoil=with_secrets)
    assert (await scene.run()).outcome == "proven"
    await scene.verify()
    scene.clock.advance(timedelta(hours=3))
    assert (await scene.run()).outcome == "proven"
    return scene


def everything(store: MemoryObjectStore) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes of every version of every object, and of a Parquet file what its columns hold as well."""
    versions = [(key, each.body, each.metadata) for key, each in store.objects.items()]
    versions += [(key, each.body, each.metadata) for key, several in store.earlier.items() for each in several]
    for key, body, metadata in versions:
        yield from readable(key, body)
        yield key, repr(dict(metadata)).encode()


def readable(key: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    yield key, body
    if body.startswith(b"PAR1") and body.endswith(b"PAR1"):
        yield key, repr(pq.read_table(pa.BufferReader(body)).to_pylist()).encode()


def traces_of(rows: Iterable[Row]) -> list[bytes]:
    """What must not be found of these rows: the word of the prompt, the image, its name, its hash."""
    found = []
    for row in rows:
        name = image_name(row.source_url)
        found += [secret_of(row.output_id).encode(), small_jpeg(name), name.rpartition(".")[0].encode()]
        found += [row.sha256.encode()] if row.sha256 else []
    return found


def found_in(objects: Iterable[tuple[str, bytes]], traces: list[bytes]) -> list[tuple[str, bytes]]:
    """Return where a trace is found."""
    return [(key, trace[:40]) for key, body in objects for trace in traces if trace in body]


def keys_below(scene: Scene, folder: str) -> list[str]:
    return sorted(key for key in scene.store.objects if key.startswith(LAYOUT.key(folder)))


async def some(scene: Scene, count: int = 3) -> list[Row]:
    """Rows of some outputs of different days, with all their rows."""
    rows = await scene.rows()
    ids = sorted({row.output_id for row in rows.values()})[:: len(rows) // count][:count]
    return [row for row in rows.values() if row.output_id in ids]


def ids_of(rows: list[Row]) -> tuple[str, ...]:
    return tuple(sorted({row.output_id for row in rows}))


async def assert_forgotten(scene: Scene, rows: list[Row]) -> None:
    assert found_in(everything(scene.store), traces_of(rows)) == []
    now = await scene.rows()
    assert {now[row.key].state for row in rows} == {"forgotten"}
    assert checkpoint(scene).forgetting == ()


async def is_killed(process: Awaitable[object]) -> bool:
    """Await a process; whether it was killed."""
    killed = False
    try:
        await process
    except* Killed:
        killed = True
    return killed


def killed_at(operation: str, part: str, *, after: bool = False) -> Callable[[Call], None]:
    """A hook that kills the process at the first call of this kind on a key with `part`; with `after`, at the next call."""
    seen = False

    def hook(call: Call) -> None:
        nonlocal seen
        if seen:
            raise Killed
        if call.operation == operation and part in call.key:
            seen = True
            if not after:
                raise Killed

    return hook


def other_process(operation: str, part: str, act: Callable[[], Awaitable[object]], *, nth: int = 1) -> Hook:
    """A hook that lets another process act just before the nth call of this kind on a key with `part`."""
    left = nth

    async def hook(call: Call) -> None:
        nonlocal left
        if call.operation == operation and part in call.key and left:
            left -= 1
            if not left:
                await act()

    return hook
