"""Documents of the right shape with wrong contents. Each function changes a page in place."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
_ONES = itertools.count()


def _each(change: Callable[[Document], object]) -> Callable[[Document], None]:
    def spoil(document: Document) -> None:
        for output in document["outputs"]:
            change(output)

    return spoil


def _all_ids_are(name: str) -> Callable[[Document], None]:
    return _each(lambda output: output.update(id=name))


def _instants_are(value: object) -> Callable[[Document], None]:
    def change(output: Document) -> None:
        output.update(created_at=value, updated_at=value)
        output["generation"].update(created_at=value, started_at=value, completed_at=value)

    return _each(change)


def _numbers_are(value: object) -> Callable[[Document], None]:
    def change(output: Document) -> None:
        output.update(like_count=value)
        for name in ("width", "height", "seed", "guidance_scale", "prompt_strength", "inference_steps", "num_outputs"):
            output["generation"][name] = value

    return _each(change)


def _prompt_is(text: str) -> Callable[[Document], None]:
    return _each(lambda output: output["generation"].update(prompt={"id": text, "text": text}, model_id=text))


def _same_id_on_one_page(document: Document) -> None:
    for output in document["outputs"]:
        output.update(id="same-id", gallery_status=f"other-{next(_ONES)}")


def _same_id_on_other_days(document: Document) -> None:
    for number, output in enumerate(document["outputs"]):
        output["id"] = "same-id"
        output["generation"]["created_at"] = f"2026-01-{number % 28 + 1:02}T00:00:00Z"


def _never_the_same_twice(document: Document) -> None:
    for output in document["outputs"]:
        output["image_url"] += str(next(_ONES))
        output["generation"].update(id=f"g-{next(_ONES)}", prompt={"id": "p", "text": str(next(_ONES))})


def _nest_deeply(output: Document) -> None:
    nested: Any = 1
    for _ in range(400):
        nested = {"a": [nested]}
    output["extra"] = nested


def _only(*kept: str) -> Callable[[Document], None]:
    def change(output: Document) -> None:
        for name in [name for name in output if name not in kept]:
            del output[name]

    return _each(change)


SPOILS: dict[str, Callable[[Document], None]] = {
    "ids that climb": _all_ids_are("../../../etc/passwd"),
    "ids with a slash": _all_ids_are("a/b"),
    "ids with a NUL": _all_ids_are("a\x00b"),
    "ids that encode a slash": _all_ids_are("a%2f..%2fb"),
    "ids with a backslash": _all_ids_are("..\\..\\a"),
    "ids of dots": _all_ids_are(".."),
    "ids of 10,000 characters": _all_ids_are("a" * 10_000),
    "ids in another script": _all_ids_are("\u0430\u0431\u0432"),
    "ids with a text direction": _all_ids_are("\u202egepj.a"),
    "ids with an escape": _all_ids_are("\x1b[2Ja"),
    "ids with a line break": _all_ids_are("a\nb"),
    "empty ids": _all_ids_are(""),
    "ids that are a device": _all_ids_are("CON"),
    "ids that are a formula": _all_ids_are("=1+1"),
    "one id for all of a page": _same_id_on_one_page,
    "one id on many days": _same_id_on_other_days,
    "another content every time": _never_the_same_twice,
    "instants before the beginning": _instants_are("0001-01-01T00:00:00Z"),
    "instants after the end": _instants_are("9999-12-31T23:59:59.999999999-23:59"),
    "instants of the year 10000": _instants_are("10000-01-01T00:00:00Z"),
    "instants that are numbers": _instants_are(1.7e18),
    "instants with a leap second": _instants_are("2026-06-30T23:59:60Z"),
    "instants of no such day": _instants_are("2026-02-30T00:00:00Z"),
    "instants in other digits": _instants_are("\u0662\u0660\u0662\u0666-01-01T00:00:00Z"),
    "instants all in the future": _instants_are("2199-12-31T23:59:59Z"),
    "NaN everywhere": _numbers_are(float("nan")),
    "infinity everywhere": _numbers_are(float("-inf")),
    "numbers of 4,000 digits": _numbers_are(10**4000),
    "numbers beyond 64 bits": _numbers_are(2**63),
    "numbers that are objects": _numbers_are({"$numberLong": "1"}),
    "prompts with control characters": _prompt_is("".join(map(chr, range(32))) + "\x1b]0;owned\x07\x7f\x9b"),
    "prompts with text directions": _prompt_is("\u202e\u2066\u2069\u200f\u061c\ufeff"),
    "prompts with half a surrogate": _prompt_is("\ud800 \udfff"),
    "prompts of 200,000 characters": _prompt_is("\U0001f63a" * 200_000),
    "labels with an escape": _each(lambda output: output.update(gallery_status="\x1b[2J\r\nproven")),
    "nesting 800 deep": _each(_nest_deeply),
    "nothing but ids": _only("id"),
    "nothing but generations": _only("generation"),
    "nothing at all": _only(),
}
