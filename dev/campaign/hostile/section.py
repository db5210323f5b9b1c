"""Hostile input: addresses that lead into a private network (SSRF), and responses made to break, fill or deceive the reader.

Every vector must end as a `failed` row with a reason, at the first attempt, and nothing may connect to the canary.
Every hostile response must end in rows or in an ArchiveError, within `LIMIT` of memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random
from typing import Any

from stablecog_provider.model.manifest import Row

from ..rig.listeners import HOST, Canary, LyingResolver, served
from ..rig.lying_service import Outcome, run_spoiled
from ..rig.memory import LIMIT, MIB, Peak
from ..rig.tally import Section, Tally
from .answers import ANSWERS, Answer
from .vectors import Vector, vectors

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


async def run(random: Random, size: int) -> list[Tally]:
    """Run `size` vectors and the same share of the hostile responses."""
    share = min(1.0, size / FULL)
    answers = random.sample(ANSWERS, max(1, round(len(ANSWERS) * share)))
    return [await try_vectors(random, size), await try_answers(answers)]


async def try_vectors(random: Random, size: int) -> Tally:
    tally = Tally("hostile", "SSRF vectors")
    async with Canary() as canary:
        known = vectors(canary.port)
        chosen = random.sample(known, min(size, len(known)))
        with proxies(f"http://{HOST}:{canary.port}"):
            async with _redirecting(chosen) as redirector:
                outcome = await _run_over(chosen, canary, redirector)
        tally.tried = len(chosen)
        tally.leaked = len(canary.received)
        tally.faults += [f"something connected to the canary: {received[:80]!r}" for received in canary.received]
        tally.faults += _judged(chosen, outcome)
    return tally


@asynccontextmanager
async def _redirecting(chosen: list[Vector]) -> AsyncIterator[int]:
    """Run an allowed host that redirects a request for `/7` to the address of vector 7, and yield its port."""

    async def redirect(head: str, writer: asyncio.StreamWriter) -> None:
        path = head.split(" ")[1].strip("/")
        # Some invalid addresses are relative ones, which lead back to here.
        head = f"302 Found\r\nLocation: {chosen[int(path)].url}" if path.isdecimal() else "400 Bad Request"
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))

    async with served(redirect) as port:
        yield port


async def _run_over(chosen: list[Vector], canary: Canary, redirector: int) -> Outcome:
    """Run over an account whose images have the addresses of the vectors."""
    urls = [
        f"http://{HOST}:{redirector}/{number}" if vector.redirects else vector.url
        for number, vector in enumerate(chosen)
    ]
    places: dict[str, int] = {}

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            # The account may have a few more outputs than there are vectors.
            number = places.setdefault(output["id"], len(places)) % len(urls)
            output["image_url"] = urls[number]
            # Identifies the row.
            output["generation"]["seed"] = number

    answers = {vector.url.split("/")[2]: list(vector.answers) for vector in chosen if vector.answers}
    resolver = LyingResolver(answers, canary.port)
    return await run_spoiled(len(chosen), spoil, image_hosts=[f"{HOST}:{redirector}"], resolver=resolver)


def _judged(chosen: list[Vector], outcome: Outcome) -> list[str]:
    if outcome.error:
        return [f"the vectors ended the run: {outcome.error}"]
    rows = {_number(row): row for row in outcome.rows}
    return [
        f"{vector.name!a}: {wrong}"
        for number, vector in enumerate(chosen)
        if (wrong := _wrong_with(vector, rows.get(number)))
    ]


def _number(row: Row) -> int | None:
    if row.seed is not None:
        return row.seed
    # The row of an unreadable output has no columns, only what was received.
    found = row.raw.partition('"seed":')[2]
    return int(found.split(",")[0].split("}")[0]) if found else None


def _wrong_with(vector: Vector, row: Row | None) -> str:
    if row is None:
        return "it has no row"
    if row.state != "failed" or not row.error:
        return f"its row is {row.state}, its reason {row.error}"
    if "given up after retries" in row.error:
        return f"it was retried instead of refused: {row.error}"
    if "secret" in row.error or not row.error.isprintable():
        return f"its reason reveals a secret or is unprintable: {row.error!a}"
    return ""


async def try_answers(answers: list[Answer]) -> Tally:
    tally = Tally("hostile", "hostile responses")
    peak = Peak()
    for answer in answers:
        tally.tried += 1
        with peak.measured(answer.name):
            try:
                wrong = await answer.run()
            except Exception as error:
                wrong = f"ended in {type(error).__name__}: {str(error)[:200]}"
        if wrong:
            tally.faults.append(f"{answer.name}: {wrong}")
    tally.notes.append(f"peak memory {peak.highest // MIB} MiB over the start ({peak.where}), limit {LIMIT // MIB} MiB")
    if peak.highest > LIMIT:
        tally.faults.append(f"{peak.where}: {peak.highest // MIB} MiB, more than the limit")
    return tally


@contextmanager
def proxies(address: str) -> Iterator[None]:
    """Set an environment with a proxy for everything, which our code must ignore."""
    before = {name: os.environ.get(name) for name in (*_PROXIES, "NO_PROXY", "no_proxy")}
    os.environ.update(dict.fromkeys(_PROXIES, address))
    for name in ("NO_PROXY", "no_proxy"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            with contextlib.suppress(KeyError):
                del os.environ[name]
            if value is not None:
                os.environ[name] = value


FULL = 300
SECTION = Section("hostile", run, full=FULL, slice=60)
