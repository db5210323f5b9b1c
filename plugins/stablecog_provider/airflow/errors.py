"""The one place where what failed becomes what Airflow does about it: fail for good, or try again."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from ..errors import ArchiveError, ConfigurationError, FatalError, ProofDiffers


def as_airflow(error: ArchiveError) -> AirflowException:
    """The exception to raise in a task.

    Settings and contradictions stay as they are however often one tries: AirflowFailException. All else is worth a retry,
    also a proof that differs, since the next attempt reads the places that differ once more.
    """
    if isinstance(error, ConfigurationError | FatalError) and not isinstance(error, ProofDiffers):
        return AirflowFailException(str(error))
    return AirflowException(str(error))
