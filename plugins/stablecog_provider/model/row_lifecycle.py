"""The life of a row: what is stored about one image, and how it changes.

Facts only grow more certain. A row holds four groups of columns, and each group changes as a whole:

- *metadata*: what the source reported when the output was last seen;
- *copy*: one stored image (address asked, key, hash, size, type, time). Copies of an image that the source has replaced
  stay, and are listed in `earlier_images`;
- *attempt*: the last attempt to fetch the image, how many of its kind there were in a row, and since when it is gone;
- *marks*: instants that say when something was observed (`missing_at`, `found_at`, `verified_at`, `deleted_at`).

The state is derived from them. An image is

- `archived` if a copy is stored. If the source names another image since, that one is due until it is stored, too;
- `lost` if a copy was stored and its object was missing when last looked for. Its fixity stays, and so does the way back. So
  is an earlier image that the source names again: nobody looked after its object, so it is fetched or looked for again;
- `gone` if the host answered 404 or 410 while it served other images. If the output was deleted at the source, also if the host
  serves other images but not this one, or if nothing names its whole address any more. It is tried again for ever, but
  ever more rarely;
- `failed` if it was not fetched yet, for any other reason;
- `forgotten` if a person asked for that. The row keeps `KEPT_WHEN_FORGOTTEN` and nothing else. It wins over every other state, so
  that neither the source nor a run that read the row before brings anything back.

Whether the output was deleted at the source is a mark beside the state; attempts go on.
`merge_rows` is commutative, associative and idempotent, so that any number of runs, in any order, end in the same partition.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from .manifest import SOURCE_COLUMNS, Row, State
from .object_keys import Rendition
from .times import format_instant, parse_rfc3339

KEPT_WHEN_FORGOTTEN = (
    "output_id", "rendition", "created_at", "output_created_at", "first_seen_at", "last_seen_at", "deleted_at", "run_id",
)  # fmt: skip
"""Columns that a forgotten row keeps: its key, and the times by which it is counted. All others are empty."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_ATTEMPT = ("attempts", "attempted_at", "attempted_url", "error", "gone_since")
_attempt = attrgetter(*_ATTEMPT)
_seen = attrgetter("created_at", "output_created_at", "run_id", *SOURCE_COLUMNS)
"""What a forgotten row keeps comes first, so that a tie is broken alike before and after the others are emptied."""


class Copy(NamedTuple):
    """One stored image. `archived_url`: the address that was asked; None in rows of older versions."""

    archived_at: datetime
    sha256: str | None
    uri: str
    content_type: str | None
    bytes: int | None
    archived_url: str | None


def is_live(row: Row) -> bool:
    """Whether the row represents an output that the source still counts."""
    return row.rendition == Rendition.ORIGINAL and row.deleted_at is None


def image_name(url: str | None) -> str:
    """What identifies an image: a UUID of its own, the last part of its address. The same name elsewhere is a move."""
    return PurePosixPath((url or "").partition("?")[0]).name


def is_replaced(row: Row) -> bool:
    """Whether the source names another image than the stored one. That one is due until it is stored."""
    if row.uri is None or row.archived_url is None or row.source_url is None:
        return False
    return image_name(row.archived_url) != image_name(row.source_url)


def needs_copy(row: Row) -> bool:
    """Whether the image that the source names is not stored."""
    return row.state not in (State.ARCHIVED, State.FORGOTTEN) or is_replaced(row)


def stored(row: Row, copy: Copy) -> Row:
    """The row once `copy` is in the bucket."""
    at, url = copy.archived_at, copy.archived_url
    tried = replace(row, attempts=row.attempts + 1, attempted_at=at, attempted_url=url, error=None, gone_since=None)
    return _with_copies(tried, [*copies_of(row), copy])


def adopted(row: Row, copy: Copy) -> Row:
    """The row once `copy` was found in the bucket. The attempt stays if the source names another image."""
    if image_name(copy.archived_url) == image_name(row.source_url):
        return stored(row, copy)
    return _with_copies(row, [*copies_of(row), copy])


def deleted(row: Row, at: datetime, run_id: str) -> Row:
    """The row once the source lists its output no more."""
    return replace(row, deleted_at=max(at, row.last_seen_at), run_id=run_id)


def missing(row: Row, at: datetime, error: str) -> Row:
    """The row once its object was looked for and not found whole. It keeps its fixity, and is due at once."""
    marked = replace(row, missing_at=after(row, at), error=error, attempts=0, gone_since=None)
    return replace(marked, state=_state(marked))


def found(row: Row, at: datetime, uri: str) -> Row:
    """The row once its object was found whole at `uri`, perhaps after it was missing."""
    marked = replace(row, uri=uri)
    if row.state == State.LOST:
        marked = replace(marked, found_at=after(row, at), error=None)
    return replace(marked, state=_state(marked))


def forgotten(row: Row) -> Row:
    """The row without anything personal: what it keeps is counted, and says that its image must not be copied again."""
    kept = {name: getattr(row, name) for name in KEPT_WHEN_FORGOTTEN}
    return Row(**kept, state=State.FORGOTTEN, raw="{}")


def after(row: Row, now: datetime) -> datetime:
    """Return now, or an instant after every observation in the row if that is later: other clocks may be ahead."""
    known = (*(copy.archived_at for copy in copies_of(row)), row.missing_at, row.found_at)
    return max([now, *(at + timedelta(microseconds=1) for at in known if at is not None)])


def copies_of(row: Row) -> list[Copy]:
    """Every stored image of the row, the current one first."""
    earlier = [_copy_of(each) for each in json.loads(row.earlier_images)] if row.earlier_images else []
    if row.uri is None:
        return earlier
    current = Copy(row.archived_at or _NEVER, row.sha256, row.uri, row.content_type, row.bytes, row.archived_url)
    return [current, *earlier]


def merge_rows(one: Row, other: Row) -> Row:
    """What two rows of the same key know together: metadata as last seen, every copy, the latest attempt, the widest times."""
    if one.key != other.key:
        raise ValueError(f"rows of two images: {one.key}, {other.key}")
    if one == other:
        return normalized(one)
    seen, latest = _last_seen(one, other), max(_attempt_order(one), _attempt_order(other))
    attempts = [row for row in (one, other) if _attempt_order(row) == latest]
    merged = replace(
        seen,
        # If a copy is stored, the state is derived below.
        state=State.FORGOTTEN if State.FORGOTTEN in (one.state, other.state) else max(row.state for row in attempts),
        **{name: getattr(attempts[0], name) for name in _ATTEMPT},
        first_seen_at=min(one.first_seen_at, other.first_seen_at),
        verified_at=_latest(one.verified_at, other.verified_at),
        missing_at=_latest(one.missing_at, other.missing_at),
        found_at=_latest(one.found_at, other.found_at),
        deleted_at=_latest(one.deleted_at, other.deleted_at),
    )
    if merged.state == State.FORGOTTEN:
        return normalized(merged)
    return normalized(_with_copies(merged, [*copies_of(one), *copies_of(other)]))


def normalized(row: Row) -> Row:
    """Return the row in its canonical form: the state that follows from its groups, without marks that a later sight lifted."""
    row = forgotten(row) if row.state == State.FORGOTTEN else _with_copies(row, copies_of(row))
    lifted = row.deleted_at is not None and row.deleted_at < row.last_seen_at
    return replace(row, deleted_at=None) if lifted else row


def _with_copies(row: Row, copies: Iterable[Copy]) -> Row:
    """The row with these copies: of one hash the latest, the one that the source names first, the others as history."""
    by_hash: dict[tuple[str | None, str], Copy] = {}
    for copy in copies:
        identity = (copy.sha256, "" if copy.sha256 else copy.uri)
        by_hash[identity] = max(by_hash.get(identity, copy), copy, key=_sortable)
    if not by_hash:
        state = State.GONE if row.gone_since is not None or row.state == State.GONE else State.FAILED
        return row if row.state == state else replace(row, state=state)
    wanted = image_name(row.source_url)

    def order(copy: Copy) -> tuple[object, ...]:
        return (copy.archived_url is None or image_name(copy.archived_url) == wanted, *_sortable(copy))

    current, *earlier = sorted(by_hash.values(), key=order, reverse=True)
    columns = current._asdict() | {"earlier_images": _history(earlier)}
    if current.archived_at == _NEVER:
        columns["archived_at"] = None
    row = replace(row, **columns)
    return row if row.state == (state := _state(row)) else replace(row, state=state)


def _state(row: Row) -> State:
    if row.uri is None:
        return State(row.state)
    since = max(row.archived_at or _NEVER, row.found_at or _NEVER)
    # While another image was the current one, nobody looked after this one.
    unwatched = max((copy.archived_at for copy in copies_of(row)[1:]), default=_NEVER)
    return State.LOST if max(row.missing_at or _NEVER, unwatched) > since else State.ARCHIVED


def _history(copies: Iterable[Copy]) -> str | None:
    """Canonical JSON, so that equal histories are equal texts."""
    listed = [copy._asdict() | {"archived_at": format_instant(copy.archived_at)} for copy in copies]
    return json.dumps(listed, sort_keys=True, separators=(",", ":")) if listed else None


def _copy_of(document: Mapping[str, Any]) -> Copy:
    return Copy(**{**document, "archived_at": parse_rfc3339(document["archived_at"])})


def _last_seen(one: Row, other: Row) -> Row:
    if one.last_seen_at != other.last_seen_at:
        return one if one.last_seen_at > other.last_seen_at else other
    return max(one, other, key=lambda row: _sortable(_seen(row)))


def _attempt_order(row: Row) -> tuple[object, ...]:
    """The later attempt knows more."""
    return (row.attempted_at or _NEVER, _sortable(_attempt(row)))


def _latest(*instants: datetime | None) -> datetime | None:
    return max((at for at in instants if at is not None), default=None)


def _sortable(values: Iterable[object]) -> tuple[tuple[bool, str], ...]:
    """A total order over any columns, so that ties are broken the same way everywhere."""
    return tuple((value is not None, str(value)) for value in values)
