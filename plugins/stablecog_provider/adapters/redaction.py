"""What a message may quote of foreign texts and addresses: one printable line, without the secrets of URLs."""

from __future__ import annotations

import html
import json
import logging
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

from yarl import URL

from ..model.output import without_secrets

MAX_LINE = 200
MAX_URL = 300


def one_line(text: str) -> str:
    """Return the text as one printable line of at most 200 characters; its URLs keep only scheme, host and path."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = without_secrets(" ".join(printable.split()))
    return line if len(line) <= MAX_LINE else line[:MAX_LINE] + "..."


def redacted_url(url: URL) -> str:
    """Return the URL without user, query and fragment, at most 300 characters."""
    return str(url.with_user(None).with_query(None).with_fragment(None))[:MAX_URL]


def hiding(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that replaces the secrets in a text by `***`, also as a server spells them when it repeats a request:
    percent-encoded, in HTML, in JSON.
    """
    # The longest first, so that replacing one leaves no rest of another.
    known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    if not known:
        return lambda text: text
    pattern = re.compile("|".join("".join(map(_spelt, secret)) for secret in known))
    return lambda text: pattern.sub("***", text)


def _spelt(character: str) -> str:
    """Return a pattern for the ways in which one character of a secret can be written."""
    if character.isascii() and character.isalnum():
        return character
    number = ord(character)
    encoded = {quote(character, safe=""), f"%{number:02x}" if number < 128 else "", f"&#{number};", f"&#x{number:x};"}
    encoded |= {html.escape(character), json.dumps(character)[1:-1], f"\\{character}", "+" if character == " " else ""}
    # The longest first, because the character itself may begin another spelling.
    others = sorted(encoded - {"", character}, key=len, reverse=True)
    return f"(?:(?i:{'|'.join(map(re.escape, others))})|{re.escape(character)})"


def drop_debug_records(*loggers: str) -> None:
    """Drop the debug records of a library's loggers, because they quote requests or responses with the secrets in them."""
    for name in loggers:
        # A logger keeps one of a filter, however often it is added.
        logging.getLogger(name).addFilter(_above_debug)


def _above_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG
