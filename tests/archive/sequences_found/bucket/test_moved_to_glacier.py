"""A lifecycle rule that moved a partition to a class that cannot be read at once."""

from __future__ import annotations

from obstore import exceptions

from stablecog_provider.adapters.store_errors import translate
from support.store_operations import xml


def test_an_object_in_glacier_is_no_trouble_with_the_key() -> None:
    body = xml("InvalidObjectState", "The operation is not valid for the object's storage class")
    text = f"Server returned non-2xx status code: 403 Forbidden: {body}"
    error = translate(exceptions.PermissionDeniedError(text), "s3://b/p/manifest/dt=2026-10-01/manifest.parquet")
    assert "access key" not in str(error), error
