"""SECURITY.md describes permissions and encryption as the code uses them."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.local.s3_server import S3Server
from stablecog_provider.adapters import object_store
from stablecog_provider.adapters.memory import Call
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.archive.ports import Absent, Conflict, Unchanged
from stablecog_provider.archive.status import status
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.page import MAX_OUTPUTS
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.readme import blocks as of_readme
from support.scene import LAYOUT, Scene
from support.tree import ROOT

TEXT = (ROOT / "SECURITY.md").read_text()
ACTIONS = {
    "get": "s3:GetObject",
    "head": "s3:GetObject",  # S3 has no action for HEAD alone
    "put": "s3:PutObject",
    "delete": "s3:DeleteObject",
    "list": "s3:ListBucket",
}


def blocks(mark: str) -> list[str]:
    return re.findall(rf"<!-- tested: {mark} -->\n```\w+\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def policy() -> dict[str, Any]:
    (found,) = blocks("policy")
    document: dict[str, Any] = json.loads(found)
    return document


def statements() -> Iterator[tuple[str, str]]:
    """Yield each allowed action with its resource."""
    for statement in policy()["Statement"]:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            yield action, statement["Resource"]


def allowed(action: str, key: str) -> bool:
    resource = "arn:aws:s3:::my-bucket" if action == "s3:ListBucket" else f"arn:aws:s3:::my-bucket/{key}"
    return any(action == known and fnmatch.fnmatchcase(resource, pattern) for known, pattern in statements())


async def calls() -> list[Call]:
    """Return all requests to the store during a run, a second run after a deletion and an upscale, and a status."""
    seen: list[Call] = []
    scene = Scene(SimulatedWorld.generate(outputs=30, days=2))
    scene.clock.advance(timedelta(hours=1))
    scene.store.before = seen.append
    await scene.run()
    first, second = scene.simulated.visible(scene.clock.now())[:2]
    scene.simulated.delete(first.id, scene.clock.now())
    scene.simulated.upscale(second.id, scene.clock.now())
    scene.clock.advance(timedelta(hours=2))
    await scene.run(lookback=timedelta(days=3))
    await status(scene.store, LAYOUT)
    assert any(f".{Rendition.UPSCALED}." in call.key for call in seen)
    return seen


def test_the_policy_is_that_of_the_readme() -> None:
    (known,) = of_readme("policy")
    assert policy() == json.loads(known)


async def test_the_policy_allows_exactly_what_is_used() -> None:
    seen = await calls()
    assert {ACTIONS[call.operation] for call in seen} == {action for action, _ in statements()}
    # A first run also tries to look into the checkpoints of neighbouring prefixes. Without that permission, it warns of none.
    ours = [call for call in seen if call.key != "checkpoint.json"]
    assert [call for call in ours if not allowed(ACTIONS[call.operation], call.key)] == []


def test_the_policy_forbids_the_rest() -> None:
    assert not allowed("s3:DeleteObject", LAYOUT.checkpoint)
    assert not allowed("s3:PutObject", "elsewhere/checkpoint.json")
    assert not any("*" in action for action, _ in statements())


def test_the_store_is_asked_in_five_ways_only() -> None:
    source = Path(object_store.__file__).read_text()
    called = set(re.findall(r"\bobstore\.([a-z_]+)\b(?!\s*import)", source)) - {"store"}
    assert called == {"get_async", "head_async", "put_async", "delete_async", "list"}


@pytest.mark.parametrize("kind", ["AES256", "aws:kms"])
async def test_the_default_encryption_of_a_bucket_applies(moto_server: S3Server, kind: str) -> None:
    client = moto_server.client()
    bucket = f"encrypted-{kind.lower().replace(':', '-')}"
    client.create_bucket(Bucket=bucket)
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": kind}}
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    store = S3ObjectStore(bucket, session=moto_server.session(), endpoint_url=moto_server.endpoint)
    first = await store.put("a", b"1", content_type="text/plain", condition=Absent())
    await store.put("a", b"2", content_type="text/plain", condition=Unchanged(first))
    with pytest.raises(Conflict):
        await store.put("a", b"3", content_type="text/plain", condition=Unchanged(first))
    found = await store.get("a")
    assert found is not None
    assert found.body == b"2"
    assert client.head_object(Bucket=bucket, Key="a")["ServerSideEncryption"] == kind


def test_both_documents_name_the_permissions_of_the_kms_key() -> None:
    (statement,) = blocks("kms")
    for action in json.loads(statement)["Action"]:
        assert f"`{action}`" in (ROOT / "README.md").read_text()


def test_the_limits_are_those_of_the_code() -> None:
    from stablecog_provider.adapters.stablecog_api import MAX_BODY

    assert f"{MAX_BODY // 2**20} MiB unpacked and {MAX_OUTPUTS:,} outputs" in " ".join(TEXT.split())
