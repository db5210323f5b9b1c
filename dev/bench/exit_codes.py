"""How a benchmark ends: what went wrong is told on stderr, and nothing that it started or stored is left."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..local.children import StepFailed, raise_on_signals
from ..local.s3_server import ServerFailed as S3Failed
from .process_usage import RunFailed
from .servers import Missing, ServerFailed


def exit_code(measure: Callable[[], None]) -> int:
    """2 where a program is missing, 1 where something failed, 130 where it was interrupted, by SIGTERM and SIGHUP, too: they
    would otherwise end us before the folders of temporary files, gigabytes of them, are removed.
    """
    raise_on_signals()
    try:
        measure()
    except Missing as error:
        tell(str(error))
        return 2
    except (RunFailed, ServerFailed, S3Failed, StepFailed, ChildProcessError, TimeoutError) as error:
        tell(f"{type(error).__name__}: {error}")
        return 1
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    return 0


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
