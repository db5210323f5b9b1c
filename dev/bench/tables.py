"""The results as tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .contenders import OURS, RCLONE
from .results import Results, Spread

LARGE = 1_000_000
"""Bytes. CPU time of images of this size or more is mostly hashing, and has no aim."""
_NONE = "-"


def tables(results: Results) -> str:
    """Return all tables for one set of images."""
    mean = results.total / results.count
    rounds = max(map(len, results.attempts.values()), default=0)
    parts = [
        f"### {results.count:,} images of {mean / 1000:,.0f} kB on average over {results.scheme}, {rounds} rounds "
        "(minimum / median / maximum)",
        _contenders(results),
        _ratios(results),
        _aims(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _contenders(results: Results) -> str:
    rows = []
    for name in results.attempts:
        requests = ", ".join(f"{number:g} {method}" for method, number in results.requests(name).items())
        rows.append(
            [
                name,
                _spread(results.rates(name), "{:,.0f}"),
                _median(results.running_rates(name), "{:,.0f}"),
                _spread(results.cpu(name), "{:.2f}"),
                _median(results.running_cpu(name), "{:.2f}"),
                _spread(results.peak(name), "{:.0f}"),
                requests or _NONE,
                "; ".join(part for part in (results.notes.get(name, ""), results.trouble(name)) if part),
            ]
        )
    for name, value in (
        ("limit: GET by wrk", [limit.get for limit in results.limits]),
        ("limit: PUT by wrk", [limit.put for limit in results.limits]),
        ("limit: GET, then PUT", [limit.both for limit in results.limits]),
    ):
        rows.append([name, _spread(Spread.of(value), "{:,.0f}"), *[_NONE] * 5, ""])
    head = [
        "whole processes", "images/s", "without start-up", "CPU ms/image", "without start-up", "peak MB",
        "requests per image", "note",
    ]  # fmt: skip
    return _table(head, rows)


def _ratios(results: Results) -> str:
    rows = [
        [f"ours : {name}", _spread(results.ratios(OURS.name, name), "{:.2f}")]
        for name in results.attempts
        if name != OURS.name
    ]
    rows.append(["ours : raw limit", _spread(results.shares(OURS.name), "{:.2f}")])
    rows.append(["ours without start-up : raw limit", _spread(results.shares(OURS.name, running=True), "{:.2f}")])
    return _table(["throughput, round by round", "minimum / median / maximum"], rows)


def _aims(results: Results) -> str:
    """Return the aims, judged by the medians of whole processes."""
    secure, small = results.scheme == "https", results.total / results.count < LARGE
    factor = 1.0 if not small else 1.5 if secure else 1.2
    aims: list[tuple[str, Spread | None, Callable[[float], bool]]] = [
        (f"at least {factor} x rclone", results.ratios(OURS.name, RCLONE.name), lambda value: value >= factor),
        ("peak memory at most 150 MB", results.peak(OURS.name), lambda value: value <= 150),
    ]
    if small:
        most = 0.9 if secure else 0.7
        aims.append((f"CPU at most {most} ms per image", results.cpu(OURS.name), lambda value: value <= most))
    rows = []
    for aim, found, reached in aims:
        if found:
            rows.append([aim, f"{found.median:.2f}", "reached" if reached(found.median) else "missed"])
    return _table(["aim", "median", ""], rows) if rows else ""


def _spread(found: Spread | None, form: str) -> str:
    if found is None:
        return _NONE
    return " / ".join(form.format(value) for value in (found.least, found.median, found.most))


def _median(found: Spread | None, form: str) -> str:
    return form.format(found.median) if found else _NONE


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
