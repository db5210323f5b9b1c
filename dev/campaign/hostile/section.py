"""Hostile input: addresses that lead into a private network (SSRF), and responses made to break, fill or deceive the reader.

Every vector must end as a `failed` row with a reason, at the first attempt, and nothing may connect to the canary: neither
directly, nor over TLS, nor through a proxy.
Every hostile response must end in rows or in an ArchiveError, within `LIMIT` of memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from ..rig.listeners import HOST, Canary, LyingResolver, served
from ..rig.memory import LIMIT, MIB, Peak
from ..rig.tally import Section, Tally
from .answers import ANSWERS, Answer
from .proxy_answers import PROXY_ANSWERS
from .rebinding import try_rebinding
from .routes import try_routes
from .vector_runs import Chosen
from .vectors import vectors

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


async def run(random: Random, size: int) -> list[Tally]:
    """Run `size` vectors and the same share of the hostile responses."""
    share = min(1.0, size / FULL)
    known = [*ANSWERS, *PROXY_ANSWERS]
    answers = random.sample(known, max(1, round(len(known) * share)))
    direct = await try_vectors(random, size)
    return [direct, await try_routes(random, size), await asyncio.to_thread(try_rebinding), await try_answers(answers)]


async def try_vectors(random: Random, size: int) -> Tally:
    tally = Tally("hostile", "SSRF vectors")
    async with Canary() as canary:
        known = vectors(canary.port)
        sample = random.sample(known, min(size, len(known)))
        chosen = Chosen(sample, canary.port)
        with proxies(f"http://{HOST}:{canary.port}"):
            async with served(chosen.redirecting()) as port:
                answers = {vector.url.split("/")[2]: vector.answers for vector in sample if vector.answers}
                resolver, place = LyingResolver(answers, canary.port), f"{HOST}:{port}"
                tally.faults += await chosen.run(f"http://{place}", image_hosts=[place], resolver=resolver)
        tally.tried = len(sample)
        tally.leaked = len(canary.received)
        tally.faults += [f"something connected to the canary: {received[:80]!r}" for received in canary.received]
    return tally


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
