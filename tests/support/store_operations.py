"""Operations of a store by name, errors as a server formats them, and the rules for error messages."""

from __future__ import annotations

import hashlib

from stablecog_provider.archive.ports import Absent, ObjectStore
from stablecog_provider.errors import ArchiveError

_SHA256 = hashlib.sha256(b"x").hexdigest()
SECRETS = ("test-secret-key", "demo-secret-key", "X-Amz-Signature", "Debug source", "StringToSign")


def xml(code: str, message: str = "said so") -> str:
    return (
        f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>"
        "<StringToSign>AWS4-HMAC-SHA256 geheim</StringToSign></Error>"
    )


async def operate(store: ObjectStore, operation: str) -> object:
    match operation:
        case "get":
            return await store.get("k")
        case "head":
            return await store.head("k")
        case "put":
            return await store.put("k", b"x", content_type="text/plain")
        case "put image":
            return await store.put("k", b"x", content_type="image/jpeg", sha256=_SHA256)
        case "create image":
            return await store.put("k", b"x", content_type="image/jpeg", condition=Absent(), sha256=_SHA256)
        case "create":
            return await store.put("k", b"x", content_type="text/plain", condition=Absent())
        case "delete":
            await store.delete("k")
            return None
        case "list":
            return [item async for item in store.list("k/")]
    raise AssertionError(operation)


ALL = ["get", "put", "create", "put image", "create image", "delete", "list"]
"""Those whose errors have a body; `head` has none."""


def assert_presentable(error: ArchiveError) -> None:
    assert not any(secret in str(error) for secret in (*SECRETS, "geheim"))
    assert len(error.message) < 300
    assert "\n" not in str(error)
    assert error.__cause__ is None  # whose text would be obstore's own
    assert error.hint
