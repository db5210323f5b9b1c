"""The triggers: what waits in Airflow's triggerer, without a worker."""

from .new_outputs import StablecogNewOutputsTrigger, StablecogNewOutputsWatcher
from .source import StablecogSourceTrigger

__all__ = ["StablecogNewOutputsTrigger", "StablecogNewOutputsWatcher", "StablecogSourceTrigger"]
