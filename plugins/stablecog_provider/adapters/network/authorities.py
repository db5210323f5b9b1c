"""Which certificate authorities are trusted: those of this machine, or those that a variable or a setting names instead.

A named file or folder replaces the machine's authorities, as it does for OpenSSL, curl, requests and boto3.
"""

from __future__ import annotations

import atexit
import os
import re
import ssl
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Self

from ...errors import ConfigurationError

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_LARGEST = 16 * 1024 * 1024
"""Bytes. The bundle of all public authorities has 0.3 MB; a larger file is something else."""


@dataclass(frozen=True, slots=True)
class Authorities:
    """`pem`: the trusted certificates; empty for those of this machine. `named_by`: the variables or the setting."""

    pem: str = field(default="", repr=False)
    named_by: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Return what SSL_CERT_FILE and SSL_CERT_DIR name, else REQUESTS_CA_BUNDLE. Raises ConfigurationError."""
        file, folders = environ.get("SSL_CERT_FILE", "").strip(), environ.get("SSL_CERT_DIR", "").strip()
        named = {"SSL_CERT_FILE": [file] if file else []}
        named["SSL_CERT_DIR"] = [folder for folder in folders.split(os.pathsep) if folder]
        if not any(named.values()):
            bundle = environ.get("REQUESTS_CA_BUNDLE", "").strip()
            named = {"REQUESTS_CA_BUNDLE": [bundle] if bundle else []}
        used = {name: paths for name, paths in named.items() if paths}
        pem = "".join(_certificates(name, path) for name, paths in used.items() for path in paths)
        return cls(pem, " and ".join(used))

    @classmethod
    def in_path(cls, path: str, named_by: str) -> Self:
        """Return the authorities in a file or folder. Raises ConfigurationError."""
        return cls(_certificates(named_by, path), named_by)


@lru_cache(maxsize=8)
def client_context(authorities: Authorities) -> ssl.SSLContext:
    """Return a TLS context for clients. Without named authorities, it trusts this machine's and those of certifi."""
    if authorities.pem:
        return ssl.create_default_context(cadata=authorities.pem)
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


@lru_cache(maxsize=8)
def authority_file(authorities: Authorities, *, certifi: bool = True) -> str:
    """Return the path of a file with the trusted certificates, for libraries that read files.

    Without named authorities, it has this machine's, and those of certifi if asked for or if the machine has none.
    """
    return pem_file(authorities.pem or _machines_certificates(certifi=certifi))


@lru_cache(maxsize=8)
def pem_file(pem: str) -> str:
    """Return the path of a file with the certificates, valid in this process and its forks.

    On Linux the file is in memory: a process that ends without Python's finalization leaves nothing behind.
    """
    if sys.platform == "linux":
        descriptor = os.memfd_create("stablecog-authorities")
        place = Path(f"/proc/self/fd/{descriptor}")
        if place.exists():
            place.write_text(pem)
            return str(place)
        os.close(descriptor)
    with tempfile.NamedTemporaryFile("w", prefix="stablecog-", suffix=".pem", delete=False) as file:
        file.write(pem)
    atexit.register(Path(file.name).unlink, missing_ok=True)
    return file.name


def _machines_certificates(*, certifi: bool) -> str:
    """Return the certificates that OpenSSL trusts by default: those of its file, and of its folder if they are named by hash."""
    places = ssl.get_default_verify_paths()
    folder = Path(places.capath or os.devnull)
    files = [Path(places.cafile)] if places.cafile else []
    files += sorted(each for each in folder.glob("????????.[0-9]*")) if folder.is_dir() else []
    found = [match for file in files if file.is_file() for match in _CERTIFICATE.findall(_text(file))]
    if certifi or not found:
        import certifi as public

        found += _CERTIFICATE.findall(_text(Path(public.where())))
    return "\n".join(dict.fromkeys(found)) + "\n"


def _certificates(named_by: str, path: str) -> str:
    """Return the PEM certificates in a file, or in the files of a folder."""
    place = Path(path).expanduser()
    try:
        files = sorted(each for each in place.iterdir() if each.is_file()) if place.is_dir() else [place]
        found = [match for file in files for match in _CERTIFICATE.findall(_text(file))]
    except OSError as error:
        raise _unusable(named_by, f"{path} cannot be read: {error.strerror}") from None
    if not found:
        raise _unusable(named_by, f"{path} contains no certificate in PEM format")
    pem = "\n".join(dict.fromkeys(found)) + "\n"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise _unusable(named_by, f"{path} contains a certificate that cannot be read") from None
    return pem


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(_LARGEST).decode("latin-1")


def _unusable(named_by: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{named_by} cannot be used: {reason}",
        hint="name a file or a folder with the certificates of the authorities to trust, in PEM format",
    )
