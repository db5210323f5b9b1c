"""Fuzzed bodies of a listing: mutated pages of the simulator, JSON of any shape with the names that we read, and bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from stablecog_provider.model.page import PageQuery
from stablecog_provider.simulator.dialect import CURRENT, PRESETS
from stablecog_provider.simulator.documents import page_document
from stablecog_provider.simulator.world import World

Document = dict[str, Any]
NAMES = (
    "outputs", "next", "total", "total_count", "id", "image_url", "upscaled_image_url", "created_at", "updated_at",
    "gallery_status", "is_favorited", "is_public", "like_count", "generation", "prompt", "negative_prompt", "text", "width",
    "height", "seed", "guidance_scale", "prompt_strength", "init_image_url", "started_at", "completed_at", "num_outputs", "user",
)  # fmt: skip
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, -(2**31) - 1, 2**63, -(2**63), 2**64, 10**400, -0.0, 0.5, 1e308, 5e-324,
    float("nan"), float("inf"), float("-inf"), "", " ", "a" * 5000, "0", "null", "\x00", "\x1b[2J", "\u202e", "\ufeff", "\ud800",
    "\udfff\ud800", "\U0001f63a" * 300, "../../x", "a/b", "CON", "-", "_", "a" * 129, "=1+1", "<script>", "%00", "${x}", "{0}",
    "2026-11-21T08:00:00Z", "2026-11-21t08:00:00.123456789+23:59", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    "2026-02-30T00:00:00Z", "2026-11-21", "1e9", "https://b.stablecog.com/a.jpeg", "https://b.stablecog.com/a?b=c#d", "https://",
    "http://[", "https://a:b@c.d", "https://x:99999/", "file:///etc/passwd", "s3://a/b", "://", [], {}, [[]], [None], {"": {}},
    {"id": []}, [{"a": [1]}],
)  # fmt: skip
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(NASTY)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), inner, max_size=8)
    ),
    max_leaves=8,
)  # fmt: skip
_OUTPUT = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(st.uuids().map(str), _JSON),
        "image_url": st.one_of(st.just("https://b.stablecog.com/a.jpeg"), _JSON),
        "created_at": _JSON,
        "generation": st.fixed_dictionaries(
            {},
            optional={
                "id": st.one_of(st.just("g"), _JSON), "created_at": st.sampled_from(NASTY), "prompt": _JSON, "seed": _JSON,
            },
        ),
    },
)  # fmt: skip
_PAGE = st.one_of(
    _JSON,
    st.fixed_dictionaries(
        {"outputs": st.lists(st.one_of(_OUTPUT, _JSON), max_size=4)}, optional={"next": _JSON, "total": _JSON}
    ),
)


def bodies(random: Random, size: int) -> Iterator[bytes]:
    """Yield `size` bodies: a tenth is JSON of any shape, a quarter is broken JSON, the rest are mutated pages."""
    shapes, pieces = size // 10, size // 4
    for _ in range(size - shapes - pieces):
        yield written(mutated(random))
    yield from shaped(random.getrandbits(32), shapes)
    for _ in range(pieces):
        yield broken(random, written(mutated(random)))


def written(document: object) -> bytes:
    # Python's JSON, which includes NaN, Infinity and lone surrogates.
    return json.dumps(document).encode()


def shaped(number: int, size: int) -> list[bytes]:
    """Return JSON documents by hypothesis. The same number returns the same documents."""
    found: list[bytes] = []

    @seed(number)
    @settings(
        max_examples=max(1, size),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_PAGE)
    def draw(document: object) -> None:
        found.append(written(document))

    draw()
    # Hypothesis may draw fewer (no more distinct documents) or more than asked for.
    return [found[each % len(found)] for each in range(size)]


@cache
def _pages() -> tuple[Document, ...]:
    """Return real pages of every dialect."""
    world = World.generate(outputs=60, days=2, seed=7)
    now = world.present + timedelta(hours=1)
    return tuple(
        page_document(
            world.account().listing.page(PageQuery(per_page=4), now, dialect), now, dialect, "https://b.stablecog.com"
        )
        for dialect in (CURRENT, *PRESETS.values())
    )


def mutated(random: Random) -> Document:
    document = copy.deepcopy(random.choice(_pages()))
    for _ in range(random.randint(1, 6)):
        random.choice(_MUTATIONS)(random, random.choice(list(_containers(document))))
    return document


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def _place(random: Random, container: Any) -> Any:
    return random.choice(list(container) if isinstance(container, dict) else range(len(container)))


def _replace(random: Random, container: Any) -> None:
    if container:
        container[_place(random, container)] = copy.deepcopy(random.choice(NASTY))


def _remove(random: Random, container: Any) -> None:
    if container:
        del container[_place(random, container)]


def _add(random: Random, container: Any) -> None:
    value = copy.deepcopy(random.choice(NASTY))
    if isinstance(container, dict):
        container[random.choice((*NAMES, *(name for name in NASTY if isinstance(name, str))))] = value
    else:
        container.insert(random.randint(0, len(container)), value)


def _repeat(random: Random, container: Any) -> None:
    if isinstance(container, list) and container:
        container.append(random.choice(container))


def _bury(random: Random, container: Any) -> None:
    if container:
        place = _place(random, container)
        for _ in range(random.choice((1, 20, 150))):
            container[place] = [container[place]]


def _twist(random: Random, container: Any) -> None:
    """Replace one character of a text."""
    texts = (
        [name for name, value in container.items() if isinstance(value, str) and value]
        if isinstance(container, dict)
        else []
    )
    if texts:
        name = random.choice(texts)
        at = random.randrange(len(container[name]))
        container[name] = (
            container[name][:at] + chr(random.choice((0, 27, 47, 92, 0x202E, 0xD800))) + container[name][at + 1 :]
        )


_MUTATIONS: tuple[Callable[[Random, Any], None], ...] = (_replace, _replace, _remove, _add, _repeat, _bury, _twist)


_PIECES = (b"", b'"', b"}", b"[", b"\\u", b"\xff", b"\xef\xbb\xbf", b"NaN", b"1e999", b"9" * 5000)


def broken(random: Random, body: bytes) -> bytes:
    """Change, cut, repeat or insert bytes."""
    for _ in range(random.randint(1, 4)):
        at, length = random.randrange(len(body) + 1), random.choice((0, 1, 2, 30))
        put = random.choice((*_PIECES, random.randbytes(3), body[at : at + 50]))
        body = body[:at] + put + body[at + length :]
    return body
