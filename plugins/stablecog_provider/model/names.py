"""Names of models and schedulers, as people read them: an id that no listing ever named says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .register import Register

SHORT = 8
"""Characters of an id that is not shown in full."""


@dataclass(frozen=True, slots=True)
class Names:
    """`kind`: what has the ids, in a word. `known`: the current name of each id. `shared`: names of more than one id."""

    kind: str
    known: Mapping[str, str] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()

    @classmethod
    def of(cls, kind: str, register: Register) -> Names:
        """The names of a register."""
        named = {each.id: each.name for each in register.entries.values() if each.name is not None}
        uses = Counter(named.values())
        return cls(kind, named, frozenset(name for name, count in uses.items() if count > 1))

    def ids(self, name: str) -> tuple[str, ...]:
        """The ids that have this name, in any case."""
        return tuple(key for key, known in self.known.items() if known.casefold() == name.casefold())

    def name(self, of: str) -> str:
        """The name of an id; `unknown model 22b0857d…` if it has none. A shared name is followed by the beginning of the id."""
        known = self.known.get(of)
        if known is None:
            return f"unknown {self.kind} {_short(of)}"
        return f"{known} ({_short(of)})" if known in self.shared else known


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that a listing ever had. `retired_at`: the first listing known to lack it; None while the newest one has it."""

    id: str
    name: str
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ArchiveNames:
    """The names that an archive knows."""

    models: Names = field(default_factory=lambda: Names("model"))
    schedulers: Names = field(default_factory=lambda: Names("scheduler"))


def _short(of: str) -> str:
    return of if len(of) <= SHORT else f"{of[:SHORT]}\N{HORIZONTAL ELLIPSIS}"
