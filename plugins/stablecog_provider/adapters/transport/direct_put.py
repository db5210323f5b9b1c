"""Decides whether libcurl may write the images of a store, or whether obstore must: in one place, when a store is opened.

obstore reads AWS_* variables that change how an object is written. libcurl would ignore them, so if one is set, obstore writes.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...archive.resilience.retry import Sleep
from ..network.store_network import StoreRoute
from ..store_address import StoreAddress
from .s3_put import S3Put

OBSTORE_ONLY = frozenset(
    {
        "AWS_ALLOW_INVALID_CERTIFICATES", "AWS_DEFAULT_CONTENT_TYPE", "AWS_DEFAULT_HEADERS", "AWS_HTTP2_ONLY",
        "AWS_PROXY_CA_CERTIFICATE", "AWS_READ_TIMEOUT", "AWS_REQUEST_PAYER", "AWS_ROOT_CERTIFICATE", "AWS_S3_EXPRESS",
        "AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_BUCKET_KEY_ENABLED", "AWS_SSE_CUSTOMER_KEY_BASE64", "AWS_SSE_KMS_KEY_ID",
        "AWS_UNSIGNED_PAYLOAD", "AWS_USER_AGENT",
    }
)  # fmt: skip
"""Variables that obstore honours and that libcurl's write does not."""


def direct_put(
    where: StoreAddress,
    bucket: str,
    route: StoreRoute,
    environ: Mapping[str, str],
    *,
    timeout: float,
    attempts: int,
    sleep: Sleep,
) -> S3Put | None:
    """Return what writes images with libcurl, or None if obstore must."""
    if OBSTORE_ONLY & environ.keys() or not where.of(bucket).isascii():
        return None
    return S3Put(where, bucket, route, timeout=timeout, attempts=attempts, sleep=sleep)
