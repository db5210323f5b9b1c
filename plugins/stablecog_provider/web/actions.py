"""What the page can ask for: a DAG to trigger, with its settings. The browser sends it to Airflow's own API, which decides."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from ..model.object_keys import Layout
from .contexts import Action


@dataclass(frozen=True, slots=True)
class Kind:
    """`dag_id`: the DAG that does it; `conf`: its params beside bucket and prefix; `command`: the same in a terminal, before the
    archive's address; empty if the page makes the command itself.
    """

    label: str
    dag_id: str
    conf: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    main: bool = False


DAILY, WEEKLY, RESTORE = "stablecog_archive_daily", "stablecog_archive_weekly", "stablecog_restore"
KINDS = {
    "run": Kind("Run now", DAILY, command="run --to", main=True),
    "retry": Kind("Retry failed images now", DAILY, {"retry_failed": True}, "run --retry-failed --to"),
    "verify": Kind("Verify a slice", WEEKLY, command="verify --budget 50GB --to"),
    "repair": Kind("Repair", WEEKLY, {"repair": True}, "verify --repair --to", main=True),
    "restore": Kind("Restore", RESTORE),
}
Allowed = Callable[[Request], Awaitable[frozenset[str]]]
"""Returns the ids of the DAGs that this reader may trigger."""


async def nothing(_: Request) -> frozenset[str]:
    """The page on its own only reads."""
    return frozenset()


def offered(names: Sequence[str], allowed: frozenset[str], layout: Layout) -> list[Action]:
    """The buttons for these actions, without those that the reader may not press."""
    kinds = [KINDS[name] for name in names if KINDS[name].dag_id in allowed]
    return [
        Action(
            label=kind.label,
            main=kind.main,
            dag_id=kind.dag_id,
            conf=json.dumps({"bucket": layout.bucket, "prefix": layout.prefix, **kind.conf}),
        )
        for kind in kinds
    ]


def command_of(name: str, layout: Layout) -> str:
    """What to type instead."""
    return f"stablecog-archive {KINDS[name].command} {layout}"
