"""The hook: a connection of type `stablecog` as plain values, and the account's outputs as plain iterators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import BaseHook, Connection
from airflow.sdk.log import mask_secret

from .. import get_provider_info
from ..adapters.allowed_hosts import AllowedHosts
from ..adapters.assembly import SourceSettings, open_source
from ..adapters.settings import DEFAULT_ADDRESS
from ..adapters.stablecog_api import StablecogApi
from ..archive.listing.capabilities import probe
from ..archive.listing.walk import walk
from ..errors import ArchiveError, ConfigurationError, SourceContradiction
from ..model.coverage import Axis, Window
from ..model.output import Output, UnreadableOutput
from ..model.page import MAX_PER_PAGE, Page, PageQuery
from ..model.times import BEGINNING

_Item = TypeVar("_Item")


class StablecogHook(BaseHook):
    """Reads a Stablecog account.

    :param stablecog_conn_id: a connection of type `stablecog`. Host: the API's address (default: Stablecog's own).
        Password: the API key. Extras, all optional: `image_hosts` (a list, or text with commas: further hosts that images
        may come from), `requests_per_second` (below 10).
    :param connect: opens the API from the connection's settings; there to be replaced in tests.

    What fails is an `ArchiveError` (`stablecog_provider.errors`), whose text says what to do.
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
        """The form's wording for Airflow 3.1; later versions read the same from `get_provider_info` and do not call this."""
        declared = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
        return {name.replace("-", "_"): value for name, value in declared.items()}

    def get_conn(self) -> SourceSettings:
        """The connection as plain values; from here on the API key is masked in logs. Raises ConfigurationError."""
        try:
            connection = self.get_connection(self.stablecog_conn_id)
        except AirflowNotFoundException:
            raise ConfigurationError(
                f"the connection {self.stablecog_conn_id!r} does not exist",
                hint="create it: type Stablecog, the API key as its password",
            ) from None
        key = (connection.password or "").strip()
        if key:
            mask_secret(key)
        try:
            extras = _extras(connection.extra_dejson)
            return SourceSettings(address=_address(connection), api_key=key, **extras)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"connection {self.stablecog_conn_id!r}: {error.message}", hint=error.hint
            ) from None

    def test_connection(self) -> tuple[bool, str]:
        """Ask for one output. Returns whether it worked, and a sentence for the person at the form."""
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

    def pages(self, *, per_page: int | None = None) -> Iterator[Page]:
        """The pages of the listing, newest first, as the service's documentation teaches to follow them.

        That way loses outputs at page boundaries (docs/): `outputs` does not.
        """
        return _in_steps(self._pages(self.get_conn(), per_page))

    async def _pages(self, settings: SourceSettings, per_page: int | None) -> AsyncGenerator[Page, None]:
        seen: set[str] = set()
        async with self._connect(settings) as source:
            page = await source.page(PageQuery(per_page=per_page))
            yield page
            while page.next is not None:
                if page.next in seen:
                    raise SourceContradiction(f"the source gave the cursor {page.next[:40]!r} twice")
                seen.add(page.next)
                page = await source.page(PageQuery(cursor=page.next, per_page=per_page))
                yield page

    def outputs(
        self, start: datetime | None = None, end: datetime | None = None, *, per_page: int = MAX_PER_PAGE
    ) -> Iterator[Output | UnreadableOutput]:
        """Every output of `[start, end)` once, by the order-safe walk; its order is the walk's own.

        `start`: None for the first output. `end`: at most, and for None, the moment up to which the source is settled
        (30 s or 300 s ago, see `Axis`). The window is on the axis that the source allows: completion, else request. Ids
        that were seen are kept in memory. What cannot be read comes as an `UnreadableOutput`, which says why.
        """
        return _in_steps(self._outputs(self.get_conn(), start, end, per_page))

    async def _outputs(
        self, settings: SourceSettings, start: datetime | None, end: datetime | None, per_page: int
    ) -> AsyncGenerator[Output | UnreadableOutput, None]:
        seen: set[str] = set()
        async with self._connect(settings) as source:
            found = await probe(source)
            axis = found.capabilities.axis
            settled = found.page.source_time - axis.settling
            first, last = start or BEGINNING, min(end or settled, settled)
            if first >= last:
                return
            window = Window(first, last)
            async for step in walk(source, window, found.capabilities, per_page):
                for output in step.outputs:
                    key = output.id or output.raw
                    if key not in seen and _lies_in(window, axis, output):
                        seen.add(key)
                        yield output


def _lies_in(window: Window, axis: Axis, output: Output | UnreadableOutput) -> bool:
    completed = output.output_created_at if axis is Axis.COMPLETED and isinstance(output, Output) else None
    instant = completed or output.created_at
    return instant is None or instant in window


def _in_steps(stream: AsyncGenerator[_Item, None]) -> Iterator[_Item]:
    """An async generator as a plain one, on a loop of its own. Closing or dropping it closes the stream's connection."""

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


def _address(connection: Connection) -> str:
    """The address that a form, a JSON document or a URI (which splits it) wrote into a connection."""
    host = connection.host or DEFAULT_ADDRESS
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return f"{address.rstrip('/')}:{connection.port}" if connection.port else address


def _extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """The extras as keywords of SourceSettings; what is empty is left out. Raises ConfigurationError."""
    given = {name: value for name, value in extras.items() if value not in (None, "", [])}
    if unknown := sorted(given.keys() - {"image_hosts", "requests_per_second"}):
        raise ConfigurationError(
            f"unknown extras: {', '.join(unknown)}", hint="the extras are `image_hosts` and `requests_per_second`"
        )
    if "image_hosts" in given:
        given["image_hosts"] = _image_hosts(given["image_hosts"])
    if "requests_per_second" in given:
        given["requests_per_second"] = _rate(given["requests_per_second"])
    return given


def _image_hosts(value: object) -> tuple[str, ...]:
    hosts = value.split(",") if isinstance(value, str) else value
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise ConfigurationError(
            "the extra `image_hosts` is no list of hosts",
            hint="write them with commas between: cdn.example.com, box:8080",
        )
    named = tuple(stripped for host in hosts if (stripped := host.strip()))
    AllowedHosts.of(named)
    return named


def _rate(value: Any) -> float:
    try:
        # True is the number 1 to Python, and a mistake to us.
        return float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ConfigurationError("the extra `requests_per_second` is no number", hint="leave it out for 8") from None
