"""Replaces the variable parts of messages, so that equal messages compare equal across runs."""

from __future__ import annotations

import re
from collections.abc import Iterable

_VARIABLE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<host>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "<instant>"),
    (re.compile(r"dt=\d{4}-\d\d-\d\d"), "dt=<day>"),
    (re.compile(r"\.(jpeg|png|webp|gif|avif)\b"), ".<type>"),
    (re.compile(r"image/(jpeg|png|webp|gif|avif)\b"), "image/<type>"),
    (re.compile(r"\b\d+(?= bytes| of |, and)|(?<= of )\d+"), "<n>"),
    (re.compile(r"runs/\S+\.json"), "runs/<report>.json"),
    (re.compile(r"\.probe-\w+"), ".probe-<id>"),
    (re.compile(r"\bcase-\d+"), "<prefix>"),
    (re.compile(r"\bmissing-\d+"), "<bucket>"),
)


def patterns(messages: Iterable[str]) -> set[str]:
    found = set()
    for message in messages:
        for variable, name in _VARIABLE:
            message = variable.sub(name, message)
        found.add(message)
    return found
