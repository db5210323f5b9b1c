"""Addresses as the source spells them. A host may have signed the spelling, so `%2F`, `%7e` and `+` must not be respelled."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from yarl import URL

_PARTS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\]*([^#]*)", re.DOTALL)
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f-\U0010ffff]+")
"""What cannot be in a request line. Everything else is sent as it is."""


def exact_url(text: str) -> URL:
    """Return the address with path and query byte for byte, without its fragment. Raises ValueError.

    Scheme, host and port are yarl's own reading of the text, so what was checked is what is asked.
    """
    found = _PARTS.match(text)
    parsed = URL(text)
    if not found or not parsed.absolute or parsed.raw_user is not None or parsed.raw_password is not None:
        # A caller that checks the address refuses these.
        return parsed
    rest = found[1] if found[1].startswith("/") else f"/{found[1]}"
    return URL(f"{parsed.origin()}{_UNSENDABLE.sub(_encoded, rest)}", encoded=True)


def exact_redirect(base: URL, location: str) -> URL:
    """Return where a `Location` header leads. Raises ValueError."""
    if urlsplit(location).scheme:
        return exact_url(location)
    return exact_url(urljoin(str(base), location))


def _encoded(found: re.Match[str]) -> str:
    # aiohttp decodes the bytes of a header with surrogateescape.
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))
