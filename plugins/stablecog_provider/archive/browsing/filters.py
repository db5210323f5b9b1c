"""Which pictures are shown. A filter is read from an address, written to one, and is a condition for `restore --where`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ...errors import ConfigurationError
from ...model.manifest import State
from ...model.names import Names
from ...model.times import BEGINNING, FAR_FUTURE

MAX_WORDS, MAX_VALUES, MAX_LENGTH = 12, 50, 200
GALLERY_STATUSES = ("not_submitted", "submitted", "waiting_for_approval", "approved", "rejected")
"""The values of `gallery_status` that the source is known to use. Others can be filtered by as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions on one image of a picture, all of which must hold. An empty condition always holds.

    `words`: parts of the prompt, in any case. `models`, `statuses`, `states`: one of them. `favourite`, `upscaled`, `deleted`:
    True shows only such pictures. `since`, `until`: UTC days of the request, both included.
    """

    words: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    favourite: bool = False
    upscaled: bool = False
    deleted: bool = False
    since: date | None = None
    until: date | None = None

    @classmethod
    def parse(cls, query: Mapping[str, Sequence[str]]) -> Filter:
        """Parse the parameters of an address. Raises ConfigurationError, which names the parameter."""
        states = _values(query, "state")
        if unknown := [state for state in states if state not in set(State)]:
            raise ConfigurationError(
                f"state: {unknown[0][:40]!r} is no state of an image", hint=f"choose from {', '.join(State)}"
            )
        return cls(
            words=tuple(word[:MAX_LENGTH] for word in " ".join(query.get("q", ())).split()[:MAX_WORDS]),
            models=_values(query, "model"),
            statuses=_values(query, "status"),
            states=states,
            favourite=_flag(query, "favourite"),
            upscaled=_flag(query, "upscaled"),
            deleted=_flag(query, "deleted"),
            since=day_in(query, "from"),
            until=day_in(query, "to"),
        )

    def parameters(self) -> list[tuple[str, str]]:
        """The same filter as parameters of an address."""
        found = [("q", " ".join(self.words))] if self.words else []
        for name, values in (("model", self.models), ("status", self.statuses), ("state", self.states)):
            found += [(name, value) for value in values]
        flags = (("favourite", self.favourite), ("upscaled", self.upscaled), ("deleted", self.deleted))
        found += [(name, "1") for name, value in flags if value]
        return found + [(name, str(day)) for name, day in (("from", self.since), ("to", self.until)) if day]

    def without(self, name: str, value: str = "") -> list[tuple[str, str]]:
        """The parameters without this value of a parameter, or without the parameter if the value is empty."""
        return [pair for pair in self.parameters() if pair != (name, value) and (value or pair[0] != name)]

    def by_id(self, names: Names) -> Filter:
        """The filter with ids instead of names of models. What is no name is left as it is: it may be an id."""
        ids = [each for value in self.models for each in (names.ids(value) or (value,))]
        return replace(self, models=tuple(dict.fromkeys(ids))[:MAX_VALUES])

    def __bool__(self) -> bool:
        """Whether it has any condition."""
        return self != EVERYTHING

    def admits(self, day: date) -> bool:
        """Whether pictures of this day can match."""
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)

    def where(self) -> str:
        """The same condition in SQL, for `restore --where`; empty if there is none."""
        parts = [f"contains(lower(prompt), lower({quoted(word)}))" for word in self.words]
        columns = (("model_id", self.models), ("gallery_status", self.statuses), ("state", self.states))
        parts += [f"{column} IN ({', '.join(map(quoted, values))})" for column, values in columns if values]
        flags = {
            "is_favorited": self.favourite,
            "rendition = 'upscaled'": self.upscaled,
            "deleted_at IS NOT NULL": self.deleted,
        }
        parts += [condition for condition, wanted in flags.items() if wanted]
        if self.since:
            parts.append(f"created_at >= TIMESTAMPTZ '{self.since} 00:00:00+00'")
        if self.until:
            parts.append(f"created_at < TIMESTAMPTZ '{self.until + timedelta(days=1)} 00:00:00+00'")
        return " AND ".join(parts)


EVERYTHING = Filter()


def day_in(query: Mapping[str, Sequence[str]], name: str) -> date | None:
    """The UTC day that a parameter names; None if it has none. Raises ConfigurationError."""
    text = next(iter(query.get(name, ())), "")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        if BEGINNING.date() <= day < FAR_FUTURE.date():
            return day
    except ValueError:
        pass
    raise ConfigurationError(f"{name}: {text[:40]!r} is no day", hint="write it as 2026-11-21")


def _values(query: Mapping[str, Iterable[str]], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:MAX_LENGTH] for value in query.get(name, ()) if value))[:MAX_VALUES]


def _flag(query: Mapping[str, Sequence[str]], name: str) -> bool:
    return next(iter(query.get(name, ())), "") == "1"


def quoted(text: str) -> str:
    """The text as a constant in SQL."""
    return "'" + text.replace("'", "''") + "'"
