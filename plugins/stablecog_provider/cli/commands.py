"""The commands by name. A command's module is imported when the command is run, completed or listed in the help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

NAMES = (
    "run",
    "status",
    "changes",
    "browse",
    "verify",
    "refresh",
    "restore",
    "rebuild",
    "forget",
    "publish",
    "simulate",
    "simulation",
)
"""In the order of the help. Each is a module of this folder with a function of the same name."""
NO_DECORATION: dict[str, Any] = {"pretty_exceptions_enable": False, "rich_markup_mode": None}


@cache
def command(name: str) -> Any:
    """Import a command and return it in Typer's form."""
    alone = typer.Typer(add_completion=False, **NO_DECORATION)
    module = import_module(f".{name}", __package__)
    alone.command(name, epilog=getattr(module, "EPILOG", None))(getattr(module, name))
    return typer.main.get_command(alone)


class _Commands(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        return command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


class LazyGroup(TyperGroup):
    """The top level. Knows the names of its commands without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(NAMES)
