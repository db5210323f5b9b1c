"""What this version of Airflow has. The one place that asks; everything else reads the names here."""

from __future__ import annotations

try:
    from airflow.sdk import RetryDecision, RetryPolicy
except ImportError:  # below 3.3
    HAS_RETRY_POLICIES = False
else:
    HAS_RETRY_POLICIES = True

__all__ = ["HAS_RETRY_POLICIES", "RetryDecision", "RetryPolicy"]
