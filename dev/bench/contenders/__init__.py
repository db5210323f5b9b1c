"""The contenders, one command line each. The scripts in this folder run as separate processes and import nothing from here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
AT_ONCE = 32
BUCKET = "bench"


@dataclass(frozen=True, slots=True)
class Task:
    """What to copy. `jobs`: a file with one line `URL,KEY` per image. `scratch`: a folder in memory, empty at the start.

    `authority`: a file with the authority to trust, for https.
    """

    jobs: Path
    sink: str
    scratch: Path
    authority: Path | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    """`program`: must be installed. `stores`: it writes to the sink, where its work is checked. `note`: shown in the table."""

    name: str
    program: Path
    command: Callable[[Path, Task], list[str]]
    environ: Mapping[str, str] = field(default_factory=dict)
    stores: bool = True
    note: str = ""

    @property
    def installed(self) -> bool:
        return self.program.exists()

    def call(self, task: Task) -> tuple[list[str], dict[str, str]]:
        """Return command line and environment. From our environment it gets the PATH only, so no local setting matters."""
        plain = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(task.scratch), "LANG": "C.UTF-8"}
        own = {name: value.replace("{sink}", task.sink) for name, value in self.environ.items()}
        if task.authority:
            own |= dict.fromkeys(("SSL_CERT_FILE", "AWS_CA_BUNDLE"), str(task.authority))
        return self.command(self.program, task), {**plain, **own}


def script(name: str) -> Callable[[Path, Task], list[str]]:
    """Run a script of this folder with the interpreter of the contender's environment."""
    return lambda program, task: [str(program), str(HERE / name), str(task.jobs), task.sink]


def _rclone(program: Path, task: Task) -> list[str]:
    return [
        str(program), "copyurl", "--urls", str(task.jobs), f"sink:{BUCKET}",
        "--transfers", str(AT_ONCE), "--s3-no-check-bucket", *(["--ca-cert", str(task.authority)] if task.authority else []),
    ]  # fmt: skip


def _img2dataset(program: Path, task: Task) -> list[str]:
    urls = task.scratch / "urls.txt"
    urls.write_text("".join(line.partition(",")[0] + "\n" for line in task.jobs.read_text().splitlines()))
    count = urls.read_text().count("\n")
    return [
        str(program), str(program.with_name("img2dataset")), str(urls), f"--output_folder={task.scratch / 'out'}",
        "--output_format=files", "--resize_mode=no", "--skip_reencode=True",
        "--processes_count=2", f"--thread_count={AT_ONCE // 2}", f"--number_sample_per_shard={max(1, count // 4)}",
    ]  # fmt: skip


_RCLONE_SINK = {
    "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": "{sink}", "REGION": "us-east-1",
    "ACCESS_KEY_ID": "access-key", "SECRET_ACCESS_KEY": "secret-key",
}  # fmt: skip
OURS = Contender("stablecog-archive's transfer", Path(sys.executable), script("ours.py"), note="SHA-256, checks, type")
RCLONE = Contender(
    "rclone copyurl",
    Path(sys.executable).with_name("rclone"),
    _rclone,
    {"RCLONE_CONFIG": "/dev/null", **{f"RCLONE_CONFIG_SINK_{name}": value for name, value in _RCLONE_SINK.items()}},
    note="sends a HEAD after each PUT",
)
THREADS = Contender("32 threads of httpx + boto3", Path(sys.executable), script("threads.py"))
AIOBOTOCORE = Contender("aiohttp + aiobotocore", ROOT / ".venv-aiobotocore/bin/python", script("aiobotocore_copy.py"))
IMG2DATASET = Contender(
    "img2dataset",
    ROOT / ".venv-img2dataset/bin/python",
    _img2dataset,
    # Without this, every start looks for a newer version of a library on the package index.
    {"NO_ALBUMENTATIONS_UPDATE": "1"},
    stores=False,
    note="2 processes; writes to files in memory, as the sink has no listing; decodes each image; memory of the larger process",
)
ALL = (OURS, RCLONE, THREADS, AIOBOTOCORE, IMG2DATASET)
