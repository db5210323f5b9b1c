"""The page of one report: the band for that run, its sentences, its figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...model.times import parse_rfc3339
from ..contexts import Band, Figure, ReportPage
from ..words import moment, number, sentence, size, took
from .verdicts import look_of

COUNTS = {
    "read": "Outputs read",
    "new": "New outputs",
    "copied": "Images copied",
    "checked": "Images checked",
    "restored": "Images restored",
    "refreshed": "Rows refreshed",
    "failed": "Failed",
    "gone": "Gone at the source",
    "tombstoned": "Deleted at the source",
    "source_requests": "Requests to the source",
    "store_requests": "Requests to the store",
}


def report_page(body: bytes, raw: str) -> ReportPage | None:
    """Return the page of a report, None if the object is none. `raw`: the address of the document itself."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    sentences = document.get("explanation")
    return ReportPage(
        band=_band(document),
        sentences=[sentence(str(line)) for line in sentences] if isinstance(sentences, list) else [],
        figures=_figures(document),
        raw=raw,
    )


def _band(document: Mapping[str, Any]) -> Band:
    outcome = str(document.get("outcome") or "unknown")
    look = look_of(outcome)
    took_, when = _times(document)
    error, hint = document.get("error"), document.get("hint")
    return Band(
        tone=look.tone,
        icon=look.icon,
        word=outcome.capitalize(),
        safe=[f"{error}." if isinstance(error, str) and error else _counts(document)],
        to_do=str(hint) if isinstance(hint, str) and hint else "See the archive's overview",
        to_do_more="" if hint else "A report says what was so when its run ended.",
        fresh_label="Took",
        fresh=took_,
        fresh_more=when,
    )


def _counts(document: Mapping[str, Any]) -> str:
    proof = document.get("proof")
    if isinstance(proof, dict) and type(proof.get("source")) is int and type(proof.get("manifest")) is int:
        return f"The source counted {number(proof['source'])} outputs, the manifest held {number(proof['manifest'])}."
    return "This run compared no counts."


def _times(document: Mapping[str, Any]) -> tuple[str, str]:
    try:
        started = parse_rfc3339(str(document.get("started_at")))
        finished = parse_rfc3339(str(document.get("finished_at")))
    except ValueError:
        return "Not ended", "The run goes on, or was killed."
    return took(started, finished), f"{moment(started)} to {moment(finished)} UTC."


def _figures(document: Mapping[str, Any]) -> list[Figure]:
    found = [Figure(title, number(value)) for name, title in COUNTS.items() if type(value := document.get(name)) is int]
    if type(stored := document.get("bytes")) is int:
        found.append(Figure("Bytes", size(stored)))
    return found
