"""The triggers: what waits in Airflow's triggerer, without a worker."""

from .new_outputs import StablecogNewOutputsTrigger, StablecogNewOutputsWatcher

__all__ = ["StablecogNewOutputsTrigger", "StablecogNewOutputsWatcher"]
