"""Names of models and schedulers, as people read them: an id that no listing ever named says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from .register import Register

SHORT = 8
"""Characters of an id that is not shown in full."""


@dataclass(frozen=True, slots=True)
class Names:
    """`kind`: what has the ids, in a word. `known`: the current name of each id."""

    kind: str
    known: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: str, register: Register) -> Names:
        """The names of a register. Two ids with one name are told apart by the beginning of the id."""
        named = {each.id: each.name for each in register.entries.values() if each.name is not None}
        uses = Counter(named.values())
        return cls(kind, {key: name if uses[name] == 1 else f"{name} ({_short(key)})" for key, name in named.items()})

    def name(self, of: str) -> str:
        """The name of an id; `unknown model 22b0857d` if it has none."""
        return self.known.get(of) or f"unknown {self.kind} {_short(of)}"


@dataclass(frozen=True, slots=True)
class ArchiveNames:
    """The names that an archive knows."""

    models: Names = field(default_factory=lambda: Names("model"))
    schedulers: Names = field(default_factory=lambda: Names("scheduler"))


def _short(of: str) -> str:
    return of if len(of) <= SHORT else f"{of[:SHORT]}\N{HORIZONTAL ELLIPSIS}"
