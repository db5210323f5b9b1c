"""What the report of an earlier run, of whatever command, says in a status."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...model.finding import Kind

VERIFIED = ("intact", "damaged", "repaired")
"""Outcomes of a verify that came to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What a report under `runs/` contains. `kind`: the command. `finished_at`: empty if it has not ended. `outcome`: a
    verdict, or `running`, `failed` or `interrupted`. Instants are RFC 3339 text, as the report has them. `key`: the
    report's. `images`, `bytes`, `failed`: what was copied or checked, and what failed. Of a verify: its `level`; `whole`:
    whether it checked all; `repair`: whether it was to repair; `left`: findings that are neither repaired nor known to the
    manifest, by kind.
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
    whole: bool = False
    repair: bool = False
    left: dict[str, int] = field(default_factory=dict)

    @property
    def damage(self) -> int:
        """Findings that are left and concern rows: nothing depends on an orphan."""
        return sum(number for kind, number in self.left.items() if kind != Kind.ORPHAN)

    def left_in_words(self) -> str:
        """`3 missing, 1 orphan`; empty if nothing is left."""
        return ", ".join(f"{number:,} {kind.replace('_', ' ')}" for kind, number in self.left.items())
