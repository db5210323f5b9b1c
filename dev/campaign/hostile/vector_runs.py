"""A run over an account whose images have the addresses of vectors, and what is wrong with its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stablecog_provider.model.manifest import Row

from ...local.tiny_jpeg import tiny_jpeg
from ..rig.listeners import Script
from ..rig.lying_service import Outcome, run_spoiled
from .vectors import Vector

_CONTROL = "image"
_IMAGE = tiny_jpeg(b"an image that may be fetched")


@dataclass(frozen=True, slots=True)
class Chosen:
    """`vectors`: in the order of their numbers. `canary`: the canary's port."""

    vectors: Sequence[Vector]
    canary: int

    def redirecting(self) -> Script:
        """Return a server that redirects `/7` to vector 7 and has one image. Its headers point to the canary, too."""
        # RFC 7838, and what browsers follow.
        lures = f'Alt-Svc: h2="127.0.0.1:{self.canary}", http/1.1=":{self.canary}"\r\nRefresh: 0; url=http://127.0.0.1:{self.canary}/\r\n'

        async def answer(head: str, writer: asyncio.StreamWriter) -> None:
            path = head.split(" ")[1].rpartition("/")[2]
            if path == _CONTROL:
                writer.write(f"HTTP/1.1 200 OK\r\n{lures}Content-Length: {len(_IMAGE)}\r\n\r\n".encode() + _IMAGE)
                return
            # Some invalid addresses are relative ones, which lead back to here.
            status = f"302 Found\r\nLocation: {self.vectors[int(path)].url}" if path.isdecimal() else "400 Bad Request"
            writer.write(f"HTTP/1.1 {status}\r\n{lures}Content-Length: 0\r\n\r\n".encode("latin-1"))

        return answer

    async def run(self, host: str, **settings: Any) -> list[str]:
        """Archive the account, with one image more that may be fetched. Return what is wrong.

        `host`: the address of an allowed host that runs `redirecting`, up to the path.
        """
        urls = [f"{host}/{number}" if each.redirects else each.url for number, each in enumerate(self.vectors)]
        urls.append(f"{host}/{_CONTROL}")
        places: dict[str, int] = {}

        def spoil(document: dict[str, Any]) -> None:
            for output in document["outputs"]:
                # The account may have a few more outputs than there are addresses.
                number = places.setdefault(output["id"], len(places)) % len(urls)
                output["image_url"] = urls[number]
                # Identifies the row.
                output["generation"]["seed"] = number

        return self._judged(await run_spoiled(len(urls), spoil, **settings))

    def _judged(self, outcome: Outcome) -> list[str]:
        if outcome.error:
            return [f"the vectors ended the run: {outcome.error}"]
        rows = {_number(row): row for row in outcome.rows}
        control = rows.get(len(self.vectors))
        faults = [
            f"{vector.name!a}: {wrong}"
            for number, vector in enumerate(self.vectors)
            if (wrong := wrong_with(rows.get(number)))
        ]
        if control is None or control.state != "archived":
            faults.append(f"the image that may be fetched was not: {control.error if control else 'it has no row'}")
        return faults


def _number(row: Row) -> int | None:
    if row.seed is not None:
        return row.seed
    # The row of an unreadable output has no columns, only what was received.
    found = row.raw.partition('"seed":')[2]
    return int(found.split(",")[0].split("}")[0]) if found else None


def wrong_with(row: Row | None) -> str:
    """Return what is wrong with a vector's row, or "" if it was refused for a reason that can be printed."""
    if row is None:
        return "it has no row"
    if row.state != "failed" or not row.error:
        return f"its row is {row.state}, its reason {row.error}"
    if "given up after retries" in row.error:
        return f"it was retried instead of refused: {row.error}"
    if "secret" in row.error or not row.error.isprintable():
        return f"its reason reveals a secret or is unprintable: {row.error!a}"
    return ""
