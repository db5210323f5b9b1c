"""pyarrow's S3 client as a filesystem of fsspec, under an address of its own."""

from __future__ import annotations

from typing import Any

from fsspec.implementations.arrow import ArrowFSWrapper


class ArrowS3(ArrowFSWrapper):  # type: ignore[misc] # no type information
    """`arrow://bucket/key`."""

    protocol = "arrow"

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        # The parent takes the bucket for a host, and drops it.
        return [cls._strip_protocol(each) for each in path] if isinstance(path, list) else path.removeprefix("arrow://")
