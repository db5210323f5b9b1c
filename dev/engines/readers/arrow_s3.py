"""pyarrow's own S3 client."""

from __future__ import annotations

from pyarrow.fs import S3FileSystem

from .place import Place


def filesystem(place: Place) -> S3FileSystem:
    key, secret = place.keys
    return S3FileSystem(
        access_key=key, secret_key=secret, endpoint_override=place.host, scheme="http", region="us-east-1"
    )
