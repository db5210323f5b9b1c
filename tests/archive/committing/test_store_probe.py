"""A store that does not heed conditions is found out before anything is written to it."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.archive.committing.store_probe import probe_store
from stablecog_provider.archive.ports import Absent, Condition, Unchanged
from stablecog_provider.errors import StoreUnavailable, UnsafeStore
from stablecog_provider.model.object_keys import Layout

LAYOUT = Layout("bucket", "mine")


class Deaf(MemoryObjectStore):
    """Does not look at conditions of these kinds."""

    def __init__(self, *kinds: type[Condition]) -> None:
        super().__init__()
        self.kinds = kinds

    async def put(self, key: str, body: bytes, **settings: object) -> str:
        if isinstance(settings.get("condition"), self.kinds):
            del settings["condition"]
        return await super().put(key, body, **settings)  # type: ignore[arg-type]


async def no_sleep(seconds: float) -> None:
    """Nobody waits between two attempts."""


async def test_a_store_that_heeds_both_passes_and_keeps_nothing_of_it() -> None:
    store = MemoryObjectStore()
    await probe_store(store, LAYOUT, "run-1")
    assert store.objects == {}


@pytest.mark.parametrize(
    ("kinds", "named"),
    [
        ((Absent,), r"\(If-None-Match\)"),
        ((Unchanged,), r"\(If-Match\)"),
        ((Absent, Unchanged), r"\(If-None-Match, If-Match\)"),
    ],
)
async def test_a_store_that_ignores_a_condition_is_refused(kinds: tuple[type[Condition], ...], named: str) -> None:
    store = Deaf(*kinds)
    with pytest.raises(UnsafeStore, match=named) as raised:
        await probe_store(store, LAYOUT, "run-1")
    assert "--allow-unsafe-store" in raised.value.hint
    assert store.objects == {}


async def test_a_connection_that_breaks_in_between_proves_nothing_and_is_tried_again() -> None:
    calls = 0

    def breaks(call: Call) -> None:
        nonlocal calls
        calls += 1
        if calls in (3, 5):
            raise StoreUnavailable("reset by peer")

    store = MemoryObjectStore(before=breaks)
    await probe_store(store, LAYOUT, "run-1", no_sleep)
    assert (calls, store.objects) == (7, {})
