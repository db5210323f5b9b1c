"""What a command ends with: one table from errors to exit codes, and how an error is told to people and to machines."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import TypedDict

from ..errors import ArchiveError, ConfigurationError, FatalError, ItemError, ProofDiffers, TransientError


class Exit(IntEnum):
    """The exit codes, as the README promises them."""

    DONE = 0
    OTHER = 1
    SETTINGS = 2
    DIFFERS = 3
    INTERRUPTED = 130


EXITS: Mapping[type[ArchiveError], Exit] = MappingProxyType(
    {
        ConfigurationError: Exit.SETTINGS,
        TransientError: Exit.OTHER,
        ItemError: Exit.OTHER,
        FatalError: Exit.OTHER,
        ProofDiffers: Exit.DIFFERS,
    }
)


def exit_of(error: BaseException) -> Exit:
    """The code of the nearest ancestor in the table; what is not ours is OTHER."""
    return next((EXITS[kind] for kind in type(error).__mro__ if kind in EXITS), Exit.OTHER)


class ErrorDocument(TypedDict):
    """What `--json` prints instead of a report."""

    error: str
    hint: str
    kind: str


class Redaction:
    """Takes the secrets of an environment out of text. Its repr tells none."""

    _SECRET = ("STABLECOG_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._secrets = [environ[name] for name in self._SECRET if environ.get(name, "").strip()]

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***").replace(secret.strip(), "***")
        return text


def document_of(error: BaseException, hide: Redaction) -> ErrorDocument:
    """What happened, what to do, and the error's class."""
    if isinstance(error, ArchiveError):
        message, hint = error.message, error.hint
    else:
        message = f"unexpected {type(error).__name__}: {error}"
        hint = "what was committed stays; run again with --debug and report the traceback (it holds no key)"
    return ErrorDocument(error=hide(message), hint=hide(hint), kind=type(error).__name__)


def traceback_of(error: BaseException, hide: Redaction) -> str:
    """The traceback as text: source lines and messages, never the values of variables."""
    return hide("".join(traceback.format_exception(error)))
