"""Headers that a gateway in front of the API wants. Their values are secrets: no message quotes one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..errors import ConfigurationError

Headers = tuple[tuple[str, str], ...]
"""Pairs of name and value."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE = re.compile(r"[!-~](?:[ -~\t]*[!-~])?", re.ASCII)
_RESERVED: Mapping[str, str] = {
    "authorization": "it carries the API key",
    "proxy-authorization": "the login of a proxy belongs into HTTPS_PROXY",
    "host": "it is that of the address",
    **dict.fromkeys(
        (
            "accept",
            "accept-encoding",
            "connection",
            "content-length",
            "expect",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ),
        "the archive sets it",
    ),
}
_SHORTEST_SECRET = 4
"""Characters. A shorter value is no secret, and hiding it would blank out parts of ordinary words."""
_FORM = "write each header as 'Name: value', and several of them on a line each"


def parse_headers(lines: Iterable[str]) -> Headers:
    """Return the headers of lines of the form `Name: value`; blank lines are skipped. Raises ConfigurationError."""
    pairs = []
    for line in lines:
        if line.strip():
            name, colon, value = line.partition(":")
            if not colon:
                raise ConfigurationError("a header for the gateway has no colon", hint=_FORM)
            pairs.append((name, value))
    return checked_headers(pairs)


def checked_headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers without blanks around them. Raises ConfigurationError for one that cannot be sent."""
    checked: dict[str, tuple[str, str]] = {}
    for name, value in ((name.strip(), value.strip()) for name, value in pairs):
        lower = name.lower()
        if not _NAME.fullmatch(name):
            # It may be the value by mistake.
            raise ConfigurationError("a header for the gateway has no valid name", hint=_FORM)
        if lower in _RESERVED:
            raise ConfigurationError(
                f"the header {name} cannot be set for the gateway: {_RESERVED[lower]}",
                hint="remove it, and use the header that the gateway documents for its own login",
            )
        if not _VALUE.fullmatch(value):
            raise ConfigurationError(
                "a header for the gateway has an empty value, or one with characters that no header can contain",
                hint=_FORM,
            )
        if lower in checked:
            raise ConfigurationError(f"the header {name} for the gateway is given twice", hint="give it once")
        checked[lower] = (name, value)
    return tuple(checked.values())


def secrets_of(headers: Headers) -> tuple[str, ...]:
    """Return what no message may contain: the values, and the longer words in them, such as the token after `Bearer`. The
    longest first, so that replacing one leaves no rest of another.
    """
    found = {each for _, value in headers for each in (value, *value.split()) if len(each) >= _SHORTEST_SECRET}
    found -= {"Basic", "Bearer", "Token"}
    return tuple(sorted(found, key=len, reverse=True))
