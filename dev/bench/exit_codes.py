"""Ends a benchmark: errors become a message on stderr and an exit code, and nothing that was started or stored is left."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..local.children import StepFailed, raise_on_signals
from ..local.s3_server import ServerFailed as S3Failed
from .process_usage import RunFailed
from .servers import Missing, ServerFailed


def exit_code(measure: Callable[[], None]) -> int:
    """Return 0, or 2 if a program is missing, 1 if something failed, 130 if it was interrupted.

    SIGTERM and SIGHUP count as interruptions. Otherwise they would end us before gigabytes of temporary files are removed.
    """
    raise_on_signals()
    try:
        measure()
    except Missing as error:
        log(str(error))
        return 2
    except (RunFailed, ServerFailed, S3Failed, StepFailed, ChildProcessError, TimeoutError) as error:
        log(f"{type(error).__name__}: {error}")
        return 1
    except KeyboardInterrupt:
        log("interrupted")
        return 130
    return 0


def log(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
