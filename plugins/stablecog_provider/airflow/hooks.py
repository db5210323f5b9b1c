"""The hook: a connection of type `stablecog` as plain values, and the account's outputs as an iterator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from airflow.sdk import BaseHook

from .. import get_provider_info
from ..adapters.assembly import open_source
from ..adapters.settings import SourceSettings
from ..adapters.stablecog_api import StablecogApi
from ..archive.listing.capabilities import probe
from ..archive.listing.walk import walk
from ..errors import ArchiveError
from ..model.coverage import Axis, Window
from ..model.output import Output, UnreadableOutput
from ..model.page import MAX_PER_PAGE, Page, PageQuery
from ..model.times import BEGINNING
from .connections import source_settings
from .versions import get_hook_lineage_collector

_Item = TypeVar("_Item")


class StablecogHook(BaseHook):
    """Reads a Stablecog account. Errors are `ArchiveError`s (`stablecog_provider.errors`), each with a hint.

    :param stablecog_conn_id: a connection of type `stablecog`. Host: the API's address (default: Stablecog's own).
        Password: the API key. Optional extras: `image_hosts` (a list, or text separated by commas: additional hosts that
        images may come from), `requests_per_second` (below 10; default: 8) and `secret_headers` (for a gateway in front of the
        API: text with a `Name: value` per line, or an object).
    :param connect: opens the API's client. For tests.
    """

    conn_name_attr = "stablecog_conn_id"
    default_conn_name = "stablecog_default"
    conn_type = "stablecog"
    hook_name = "Stablecog"

    def __init__(
        self,
        stablecog_conn_id: str = default_conn_name,
        *,
        connect: Callable[[SourceSettings], StablecogApi] = open_source,
        logger_name: str | None = None,
    ) -> None:
        super().__init__(logger_name=logger_name)
        self.stablecog_conn_id = stablecog_conn_id
        self._connect = connect

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the form's wording for Airflow 3.1. Later versions read it from `get_provider_info`."""
        declared = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
        return {name.replace("-", "_"): value for name, value in declared.items()}

    def get_conn(self) -> SourceSettings:
        """Return the connection as plain values. Masks the API key in logs from here on. Raises ConfigurationError."""
        return source_settings(self.stablecog_conn_id)

    def test_connection(self) -> tuple[bool, str]:
        """Request one output. Return whether that worked, and a sentence for the connection form."""
        try:
            settings = self.get_conn()
            page = asyncio.run(self._first_page(replace(settings, attempts=2)))
        except ArchiveError as error:
            return False, str(error)
        count = "its outputs" if page.total is None else f"{page.total} outputs"
        return True, f"{settings.address} accepts the key and lists {count}."

    async def _first_page(self, settings: SourceSettings) -> Page:
        async with self._connect(settings) as source:
            return await source.page(PageQuery(per_page=1))

    def outputs(
        self, start: datetime | None = None, end: datetime | None = None, *, per_page: int = MAX_PER_PAGE
    ) -> Iterator[Output | UnreadableOutput]:
        """Iterate over every output of `[start, end)` exactly once. The order is not specified.

        Following the listing's `next` loses outputs at page boundaries (docs/how-it-works.md); this does not.
        A record that cannot be read comes as an `UnreadableOutput` with the reason. Requests start with the first item.

        :param start: aware; None for the account's first output. Compared with the time of completion, or with the time of
            request if the source cannot list by completion.
        :param end: aware; None, or any later instant, for the moment up to which the listing has settled (30 s or 300 s ago).
        :param per_page: outputs per request, 1 to 300.
        """
        return _in_steps(self._outputs(self.get_conn(), start, end, per_page))

    async def _outputs(
        self, settings: SourceSettings, start: datetime | None, end: datetime | None, per_page: int
    ) -> AsyncGenerator[Output | UnreadableOutput, None]:
        seen: set[str] = set()
        async with self._connect(settings) as source:
            found = await probe(source)
            get_hook_lineage_collector().add_input_asset(self, uri=source.address)
            axis = found.capabilities.axis
            settled = found.page.source_time - axis.settling
            first, last = start or BEGINNING, min(end or settled, settled)
            if first >= last:
                return
            window = Window(first, last)
            async for step in walk(source, window, found.capabilities, per_page):
                for output in step.outputs:
                    key = output.id or output.raw
                    if key not in seen and _is_within(window, axis, output):
                        seen.add(key)
                        yield output


def _is_within(window: Window, axis: Axis, output: Output | UnreadableOutput) -> bool:
    completed = output.output_created_at if axis is Axis.COMPLETED and isinstance(output, Output) else None
    instant = completed or output.created_at
    return instant is None or instant in window


def _in_steps(stream: AsyncGenerator[_Item, None]) -> Iterator[_Item]:
    """Iterate over an async generator, on an event loop of its own. Closing or dropping it closes the connection."""

    async def following() -> _Item | None:
        return await anext(stream, None)

    with asyncio.Runner() as runner:
        try:
            while (item := runner.run(following())) is not None:
                yield item
        finally:
            runner.run(_closed(stream))


async def _closed(stream: AsyncGenerator[Any, None]) -> None:
    await stream.aclose()
