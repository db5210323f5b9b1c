"""`python -m support.killed_publish PLACE COUNT`: publishes, and kills itself at the `COUNT`-th step that reaches outside.

Steps are reads, writes and deletions of files, and both sides of a commit in the catalogue. Prints how many steps there were if
it came to its end.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from dev.local.s3_server import S3Server
from stablecog_provider.adapters.iceberg_table import IcebergTable
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.archive import publish as use_case
from stablecog_provider.model.object_keys import Layout
from support.published import published


class Steps:
    """Counts steps, and kills this process at one of them."""

    def __init__(self, last: int) -> None:
        self.last, self.seen = last, 0

    def count(self) -> None:
        self.seen += 1
        if self.seen == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: type[Any], name: str) -> None:
        whole: Callable[..., Any] = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            self.count()
            found = whole(*arguments, **named)
            self.count()
            return found

        setattr(owner, name, counted)


async def main(place: dict[str, Any], last: int) -> None:
    use_case.DAYS_AT_ONCE = 2
    steps = Steps(last)
    for owner, name in (
        (PyArrowFile, "create"),
        (PyArrowFile, "open"),
        (PyArrowFileIO, "delete"),
        (SqlCatalog, "commit_table"),
    ):
        steps.around(owner, name)
    server, layout = S3Server(*place["server"]), Layout(*place["layout"])
    store = S3ObjectStore(layout.bucket, session=server.session(), endpoint_url=server.endpoint)
    await published(store, layout, IcebergTable(layout, "test", "db.outputs", **place["catalog"]))
    sys.stdout.write(f"{steps.seen}\n")


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), int(sys.argv[2])))
