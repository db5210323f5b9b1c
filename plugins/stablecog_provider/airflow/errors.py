"""The one place that decides what Airflow does after an error: fail for good, or retry."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from ..errors import ArchiveError, ConfigurationError, FatalError, ProofDiffers


def as_airflow(error: ArchiveError) -> AirflowException:
    """Return the exception to raise in a task.

    AirflowFailException for wrong settings and contradictions, which no retry changes. AirflowException, and so a retry, for
    everything else. This includes a proof that differs: the next attempt reads the periods that differ again.
    """
    if isinstance(error, ConfigurationError | FatalError) and not isinstance(error, ProofDiffers):
        return AirflowFailException(str(error))
    return AirflowException(str(error))
