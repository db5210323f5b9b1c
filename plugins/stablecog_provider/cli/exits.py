"""Exit codes: one table from errors to codes; and errors as text for people and as documents for programs."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from enum import IntEnum
from itertools import pairwise
from types import MappingProxyType
from typing import TypedDict

from ..adapters.local_limits import local_limit_of
from ..adapters.network.proxies import Proxies
from ..adapters.redaction import hiding
from ..adapters.source_headers import secrets_of
from ..errors import ArchiveError, ConfigurationError, FatalError, ItemError, ProofDiffers, TransientError
from .options import SOURCE_HEADER
from .settings import SOURCE_HEADERS


class Exit(IntEnum):
    """The exit codes. They are documented, and so a promise."""

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
    """Return the code of the error's nearest ancestor in the table. An error that is not ours is OTHER."""
    return next((EXITS[kind] for kind in type(error).__mro__ if kind in EXITS), Exit.OTHER)


class ErrorDocument(TypedDict):
    """What `--json` prints instead of a report."""

    error: str
    hint: str
    kind: str


class Redaction:
    """Removes the secrets of an environment and of typed options from text. Its repr shows none."""

    _SECRET = ("STABLECOG_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

    def __init__(self, environ: Mapping[str, str], typed: Sequence[str] = ()) -> None:
        secrets = [environ.get(name, "").strip() for name in self._SECRET]
        secrets += Proxies.of(environ).secrets()
        lines = [*environ.get(SOURCE_HEADERS, "").splitlines(), *_values_of(SOURCE_HEADER, typed)]
        # Without a colon, all of it may be the secret.
        secrets += secrets_of(tuple(("", line.partition(":")[2].strip() or line.strip(" :")) for line in lines))
        self._hide = hiding(secrets)

    def __call__(self, text: str) -> str:
        return self._hide(text)


def _values_of(option: str, typed: Sequence[str]) -> list[str]:
    """Return the option's values as they were typed: after a blank or after `=`."""
    after = [value for name, value in pairwise(typed) if name == option]
    return after + [each.partition("=")[2] for each in typed if each.startswith(f"{option}=")]


def document_of(error: BaseException, hide: Redaction) -> ErrorDocument:
    """Return the error as a document: message, hint, class."""
    if isinstance(error, ArchiveError):
        message, hint = error.message, error.hint
    elif limit := local_limit_of(error):
        message, hint = f"{limit[0]} ({type(error).__name__})", limit[1]
    else:
        message = f"unexpected {type(error).__name__}: {error}"
        hint = "committed work is kept; run again with --debug and report the traceback (secrets are removed)"
    return ErrorDocument(error=hide(message), hint=hide(hint), kind=type(error).__name__)


def traceback_of(error: BaseException, hide: Redaction) -> str:
    """Return the traceback as text: source lines and messages, never the values of variables."""
    return hide("".join(traceback.format_exception(error)))
