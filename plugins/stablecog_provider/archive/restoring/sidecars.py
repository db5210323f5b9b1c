"""A row as JSON, for the file beside its image."""

from __future__ import annotations

import json

from ...model.documents import document_of
from ...model.manifest import Row


def sidecar(row: Row) -> bytes:
    """The row's columns, in their order; instants in RFC 3339."""
    return json.dumps(document_of(row), indent=1).encode() + b"\n"
