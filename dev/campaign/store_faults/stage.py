"""The stage for faults of the store: an archive on a server, and a proxy between the two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3

from stablecog_provider.adapters.object_store import S3ObjectStore

from ..rig.bench import Bench, describe
from ..rig.proxies import Proxy

if TYPE_CHECKING:
    from obstore.store import RetryConfig

    from ...local.s3_server import S3Server

QUICK: RetryConfig = {
    "max_retries": 3,
    "backoff": {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=20), "base": 2},
    "retry_timeout": timedelta(seconds=30),
}
"""As many retries as in production, with shorter delays."""


@dataclass(slots=True)
class Stage:
    """An archive on a server behind a proxy at `address`."""

    bench: Bench
    proxy: Proxy
    address: str
    server: S3Server

    def store(self, session: boto3.session.Session | None = None, **settings: object) -> S3ObjectStore:
        return S3ObjectStore(
            self.bench.layout.bucket,
            session=session or self.server.session(),
            endpoint_url=self.address,
            **{"retries": QUICK, "sleep": self.bench.time.sleep, **settings},  # type: ignore[arg-type]
        )

    async def fails(self, *kinds: type[object], naming: str = "", **settings: object) -> None:
        """Check that a run now ends with one of these errors, which contains `naming`, and that what it committed is sound."""
        outcome = await self.bench.run(**settings)
        self.bench.expect(
            isinstance(outcome, kinds) and naming in str(outcome), f"the run ended in {describe(outcome)}"
        )
        await self.bench.inspect()

    async def recovers(self, **settings: object) -> None:
        """End the fault and check that the next run completes the archive."""
        self.proxy.plan = lambda _: None
        await self.bench.proven(**settings)
