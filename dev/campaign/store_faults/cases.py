"""Faults of stores. Every case must end in a run that is proven."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import boto3
from botocore.credentials import RefreshableCredentials
from botocore.session import get_session

from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.errors import BucketMissing, CredentialsRejected, StoreUnavailable, UnsafeStore
from stablecog_provider.model.object_keys import Layout

from ..rig.bench import describe
from ..rig.proxies import Altered, Asked, Hang, Plan, Refusal, Reset, Verdict
from .stage import Stage

SLOW_DOWN = Refusal(503, "SlowDown", "Please reduce your request rate.")
INTERNAL = Refusal(500, "InternalError", "We encountered an internal error, please try again.")
DENIED = Refusal(403, "AccessDenied", "Access Denied.")
EXPIRED = Refusal(400, "ExpiredToken", "The provided token has expired.")
SKEWED = Refusal(
    403, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large."
)
NO_BUCKET = Refusal(404, "NoSuchBucket", "The specified bucket does not exist")
_CONDITIONS = {"if-match", "if-none-match"}


Trial = Callable[[Stage, Random], Awaitable[None]]


def some_writes(verdict: Verdict, share: float = 0.2, *, reads: bool = False) -> Trial:
    """A share of all writes fails: the run succeeds by retrying."""

    async def trial(stage: Stage, random: Random) -> None:
        met = 0

        def plan(asked: Asked) -> Verdict:
            nonlocal met
            if not (reads or asked.writes):
                return None
            met += 1
            # The third always fails. Otherwise chance might spare all writes of a small archive.
            return verdict if random.random() < share or met == 3 else None

        stage.proxy.plan = plan
        if isinstance(verdict, Hang):
            stage.bench.store = stage.store(timeout=timedelta(seconds=0.5))
        await stage.bench.proven()
        # A second run with the same faults must not double anything.
        stage.bench.advance(timedelta(hours=1))
        await stage.bench.proven()
        stage.bench.expect(bool(stage.proxy.struck), "the proxy did not intervene")

    return trial


def from_some_write_on(verdict: Verdict, *kinds: type[object]) -> Trial:
    """All requests fail after some write, at any point of a commit: the run ends, the next one completes the archive."""

    async def trial(stage: Stage, random: Random) -> None:
        left = random.randint(0, 34)

        def plan(asked: Asked) -> Verdict:
            nonlocal left
            left -= asked.writes
            return verdict if left < 0 else None

        stage.proxy.plan = plan
        if isinstance(verdict, Hang):
            stage.bench.store = stage.store(timeout=timedelta(seconds=0.2))
        await stage.fails(*kinds, RunReport) if left > 30 else await stage.fails(*kinds)
        await stage.recovers()

    return trial


async def _part_denied(stage: Stage, random: Random) -> None:
    part = random.choice(["images/", "manifest/", "checkpoint.json", "runs/"])
    methods = random.choice([("PUT",), ("PUT", "GET"), ("GET",)]) if part != "runs/" else ("PUT",)
    root = stage.bench.layout.key(part)
    if methods == ("GET",):
        await stage.bench.proven()
        stage.bench.advance(timedelta(hours=1))
    stage.proxy.plan = lambda asked: DENIED if asked.method in methods and asked.key.startswith(root) else None
    if (part, methods) == ("images/", ("GET",)):
        # Archiving does not read images.
        await stage.bench.proven()
    else:
        await stage.fails(CredentialsRejected, naming="AccessDenied")
    await stage.recovers()


async def _expires(stage: Stage, random: Random) -> None:
    """Static credentials expire during a run. With new ones, the next run completes the archive."""
    left = random.randint(1, 30)

    def plan(asked: Asked) -> Verdict:
        nonlocal left
        left -= 1
        return EXPIRED if left < 0 and "old-key" in asked.headers.get("authorization", "") else None

    stage.proxy.plan = plan
    stage.bench.store = stage.store(
        boto3.session.Session("old-key", "old-secret", "old-token", region_name="us-east-1")
    )
    await stage.fails(CredentialsRejected, naming="renew them")
    stage.bench.store = stage.store(
        boto3.session.Session("new-key", "new-secret", "new-token", region_name="us-east-1")
    )
    await stage.bench.proven()


async def _refreshed(stage: Stage, random: Random) -> None:
    """Credentials renew themselves: the store accepts only the newest keys, and a run succeeds.

    They last 30 seconds, so each request waits for new ones. Those that are renewed while a request is on its way may refuse
    it, whatever the client does; it is then repeated with the newest. Most requests must arrive with new ones at once.
    """
    issued = count(1)
    newest = 0

    def renew() -> dict[str, str]:
        nonlocal newest
        newest = next(issued)
        until = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
        key = f"key-{newest:06d}"
        return {"access_key": key, "secret_key": "secret", "token": "token", "expiry_time": until}

    def plan(asked: Asked) -> Verdict:
        signed = asked.headers.get("authorization", "")
        number = int(signed.partition("Credential=key-")[2][:6] or 0)
        return EXPIRED if number < newest - 2 else None

    class Renewed:
        def load_credentials(self) -> RefreshableCredentials:
            return RefreshableCredentials.create_from_metadata(renew(), renew, "campaign")

    inner = get_session()
    inner.register_component("credential_provider", Renewed())
    inner.set_config_variable("region", "us-east-1")
    stage.proxy.plan = plan
    stage.bench.store = stage.store(boto3.session.Session(botocore_session=inner))
    await stage.bench.proven()
    stage.bench.expect(newest > 2, f"credentials were renewed only {newest} times")
    refused = stage.proxy.struck.total()
    stage.bench.expect(refused * 10 <= stage.proxy.asked, f"{refused} requests used old credentials")


async def _wrong_secret(stage: Stage, random: Random) -> None:
    wrong = boto3.session.Session(stage.server.access_key, "another-secret", region_name="us-east-1")
    right, stage.bench.store = stage.bench.store, stage.store(wrong)
    await stage.fails(CredentialsRejected)
    stage.bench.store = right
    await stage.recovers()


async def _no_bucket(stage: Stage, random: Random) -> None:
    right, there = stage.bench.store, stage.bench.layout
    missing = Layout(f"missing-{random.randrange(10**6)}", there.prefix)
    stage.bench.layout, past = missing, stage.bench.direct
    stage.bench.store = stage.bench.direct = stage.store()
    outcome = await stage.bench.run()
    stage.bench.expect(isinstance(outcome, BucketMissing) and missing.bucket in str(outcome), describe(outcome))
    stage.bench.layout, stage.bench.store, stage.bench.direct = there, right, past
    await stage.recovers()


async def _versioned(stage: Stage, random: Random) -> None:
    """The bucket keeps all versions of an object. The archive must see the newest only."""
    _into_versioned_bucket(stage, random)
    stage.proxy.plan = lambda asked: Reset(late=True) if asked.writes and random.random() < 0.1 else None
    for _ in range(3):
        await stage.bench.proven()
        gone, liked = random.sample(stage.bench.due, 2)
        stage.bench.simulator.world.delete(gone.id, stage.bench.simulator.clock.now())
        stage.bench.simulator.world.favourite(liked.id, stage.bench.simulator.clock.now())
        stage.bench.advance(timedelta(hours=2))
    await stage.recovers()


async def versioned_or_refused(stage: Stage, random: Random) -> None:
    """Ceph 16 ignores conditions if a bucket is versioned. A run must notice that before it writes."""
    _into_versioned_bucket(stage, random)
    outcome = await stage.bench.run()
    if isinstance(outcome, UnsafeStore):
        stage.bench.expect("versioning" in str(outcome) and not await stage.bench.rows(), describe(outcome))
    else:
        await _versioned(stage, random)


def _into_versioned_bucket(stage: Stage, random: Random) -> None:
    bucket = f"versioned-{random.randrange(10**9)}"
    client = stage.server.client()
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    stage.bench.layout = Layout(bucket, stage.bench.layout.prefix)
    stage.bench.store = stage.bench.direct = stage.store()


async def _ignores_conditions(stage: Stage, random: Random) -> None:
    ignored = Altered(dict.fromkeys(random.choice([_CONDITIONS, {"if-none-match"}, {"if-match"}])))
    stage.proxy.plan = lambda asked: ignored if asked.writes else None
    await stage.fails(UnsafeStore, naming="--allow-unsafe-store")
    if random.random() < 0.5:
        await stage.bench.proven(allow_unsafe_store=True)
    await stage.recovers()


async def _wants_bare_tags(stage: Stage, random: Random) -> None:
    """Ceph compares `If-Match` with the stored tag, which has no quotes."""

    def plan(asked: Asked) -> Verdict:
        tag = asked.headers.get("if-match")
        if tag is None:
            return None
        if tag.startswith('"'):
            return Refusal(412, "PreconditionFailed")
        return Altered({"if-match": f'"{tag}"'})

    stage.proxy.plan = plan
    await stage.bench.proven()
    stage.bench.simulator.world.delete(random.choice(stage.bench.due).id, stage.bench.simulator.clock.now())
    stage.bench.advance(timedelta(hours=1))
    await stage.bench.proven()
    stage.bench.expect(stage.proxy.struck["Refusal"] > 0, "no quoted tag was tried")


async def plain(stage: Stage, random: Random) -> None:
    """No fault."""
    await stage.bench.proven()
    stage.bench.simulator.world.delete(random.choice(stage.bench.due).id, stage.bench.simulator.clock.now())
    stage.bench.advance(timedelta(hours=1))
    await stage.bench.proven()


def mixed(random: Random) -> Plan:
    """One request in ten fails in some way."""
    ways: list[Verdict] = [SLOW_DOWN, INTERNAL, Reset(late=False), Reset(late=True)]
    return lambda _: random.choice(ways) if random.random() < 0.1 else None


async def _all_kinds(stage: Stage, random: Random) -> None:
    stage.proxy.plan = mixed(random)
    await stage.bench.proven()
    await stage.recovers()


SIGNED: dict[str, Trial] = {
    "503 SlowDown on a fifth of the writes": some_writes(SLOW_DOWN),
    "500 on a fifth of all requests": some_writes(INTERNAL, reads=True),
    "resets before a write": some_writes(Reset(late=False), 0.1),
    "resets after a write": some_writes(Reset(late=True), 0.1),
    "some writes that hang": some_writes(Hang(), 0.08),
    "a little of everything": _all_kinds,
    "down from some write on": from_some_write_on(SLOW_DOWN, StoreUnavailable),
    "resets from some write on": from_some_write_on(Reset(late=True), StoreUnavailable),
    "denied from some write on": from_some_write_on(DENIED, CredentialsRejected),
    "the bucket deleted in mid-run": from_some_write_on(NO_BUCKET, BucketMissing),
    "our clock is wrong": from_some_write_on(SKEWED, CredentialsRejected),
    "AccessDenied on a part of the prefix": _part_denied,
    "a wrong secret": _wrong_secret,
    "a bucket that does not exist": _no_bucket,
    "a versioned bucket": _versioned,
}
"""For servers that check signatures."""
UNSIGNED: dict[str, Trial] = {
    "credentials that expire in mid-run": _expires,
    "credentials that renew themselves": _refreshed,
    "a store that ignores conditional writes": _ignores_conditions,
    "a store that wants bare ETags": _wants_bare_tags,
}
"""For a server that does not check signatures, because headers are altered or keys are made up."""
