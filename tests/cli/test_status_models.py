"""`status` names the models that the source's list ever had."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_registers import ParquetRegisters
from stablecog_provider.archive.naming.ports import Kind
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.model_listing import ListedModel
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.register import observed
from support.console import TO, type_in

LAYOUT = Layout.parse(TO)
START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NAMED = [ListedModel("a" * 36, "Kandinsky 2.2"), ListedModel("b" * 36, "[red]Waifu Diffusion")]


def with_models(*listings: list[ListedModel]) -> MemoryObjectStore:
    """A bucket whose runs read these lists of models, one per day."""
    made = MemoryObjectStore()

    async def fill() -> None:
        body = Checkpoint("https://api.example", Axis.COMPLETED).to_json()
        await made.put(LAYOUT.checkpoint, body, content_type="application/json")
        registers = ParquetRegisters(made, LAYOUT)
        for number, listed in enumerate(listings):
            at = START + number * DAY
            await registers.update(Kind.MODELS, lambda known, listed=listed, at=at: observed(known, listed, at))  # type: ignore[misc]

    asyncio.run(fill())
    return made


def test_models_have_their_names_and_retired_ones_say_since_when() -> None:
    bucket = with_models(NAMED, NAMED[:1])
    shown = type_in("status", "--to", TO, store=bucket).out
    assert "2: [red]Waifu Diffusion (retired 2026-11-02), Kandinsky 2.2" in shown
    found = json.loads(type_in("status", "--to", TO, "--json", store=bucket).out)["models"]
    assert found == [
        {"id": "b" * 36, "name": "[red]Waifu Diffusion", "retired_at": "2026-11-02T00:00:00.000000Z"},
        {"id": "a" * 36, "name": "Kandinsky 2.2", "retired_at": None},
    ]


def test_without_a_readable_list_of_models_the_state_is_reported_all_the_same() -> None:
    bucket = with_models(NAMED)
    asyncio.run(bucket.put(LAYOUT.register(Kind.MODELS), b"damaged", content_type="x/y"))
    done = type_in("status", "--to", TO, store=bucket)
    assert "https://api.example" in done.out
    assert "Kandinsky" not in done.out
