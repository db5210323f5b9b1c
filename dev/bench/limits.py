"""The raw limit of the two servers, measured with wrk, a load generator in C that discards the bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .contenders import AT_ONCE, BUCKET, HERE
from .images import ImageSet
from .process_usage import RunFailed, run_whole
from .servers import Ends, program


@dataclass(frozen=True, slots=True)
class Limit:
    """Requests per second."""

    get: float
    put: float

    @property
    def both(self) -> float:
        """Copies per second: a GET, then a PUT."""
        return 1 / (1 / self.get + 1 / self.put)


def raw_limit(ends: Ends, images: ImageSet, body: Path, seconds: float) -> Limit:
    """Read all images in turn for `seconds`, then write `body` to as many keys. Raises RunFailed, Missing."""
    get = _wrk(seconds, ends, ends.origin, "get.lua", [f"/{images.name}/", str(images.count)])
    put = _wrk(seconds, ends, ends.sink, "put.lua", [f"/{BUCKET}/raw/", str(images.count), str(body)])
    return Limit(get, put)


def _wrk(seconds: float, ends: Ends, address: str, lua: str, arguments: list[str]) -> float:
    log = ends.folder / "wrk.log"
    command = [
        program("wrk"), "--threads=2", f"--connections={AT_ONCE}", f"--duration={seconds:.0f}s", "--timeout=30s",
        f"--script={HERE / lua}", address, "--", *arguments,
    ]  # fmt: skip
    run_whole(command, {"LANG": "C"}, log)
    output = log.read_text()
    found = re.search(r"Requests/sec:\s*([\d.]+)", output)
    if not found or "Non-2xx" in output or "Socket errors" in output:
        raise RunFailed(f"wrk with {lua}: {' '.join(output.split())[-160:]}")
    return float(found[1])
