"""What engines that speak SQL share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..questions import Dialect, Rows, statements
from .place import plain

Run = Callable[[str], Iterable[Sequence[object]]]


def ask(run: Run, dialect: Dialect) -> dict[str, Rows]:
    """Run each question's SQL with `run`, which returns rows."""
    return {
        name: [[plain(value) for value in row] for each in text.split(";") for row in run(each)]
        for name, text in statements(dialect).items()
    }


def elsewhere(run: Run, dialect: Dialect, cast: str = "cast(created_at as date)") -> int:
    """Count rows whose plain date is not `dt`."""
    day, local = dialect.text.format("dt"), dialect.text.format(cast)
    ((found,),) = run(f"select count(*) from manifest where {local} <> {day}")
    return int(str(found))
