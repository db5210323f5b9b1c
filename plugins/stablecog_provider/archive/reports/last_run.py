"""What the report of an earlier run, of whatever command, says in a status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What a report under `runs/` contains. `kind`: the command. `finished_at`: empty if it has not ended. `outcome`: a
    verdict, or `running`, `failed` or `interrupted`. Instants are RFC 3339 text, as the report has them. `key`: the
    report's. `images`, `bytes`, `failed`: what was copied or checked, and what failed. Of a verify: its `level`;
    `left`: findings that are neither repaired nor known to the manifest, by kind.
    """

    kind: str
    run_id: str
    started_at: str
    finished_at: str
    outcome: str
    explanation: tuple[str, ...]
    key: str = ""
    images: int = 0
    bytes: int = 0
    failed: int = 0
    level: str = ""
    left: dict[str, int] = field(default_factory=dict)

    def left_in_words(self) -> str:
        """`3 missing, 1 orphan`; empty if nothing is left."""
        return left_in_words(self.left)


def left_in_words(left: Mapping[str, int]) -> str:
    """`3 missing, 1 orphan`."""
    return ", ".join(f"{number:,} {kind.replace('_', ' ')}" for kind, number in left.items())
