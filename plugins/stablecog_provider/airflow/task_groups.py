"""The tasks of one account as a group, for a Dag that archives several."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, TaskGroup, chain

from .assets import archive_asset, manifest_asset
from .hooks import StablecogHook
from .operators import StablecogStatusOperator, StablecogToS3Operator, StablecogVerifyOperator


def archive_account(
    group_id: str,
    *,
    bucket: str,
    prefix: str,
    stablecog_conn_id: str = StablecogHook.default_conn_name,
    aws_conn_id: str | None = "aws_default",
    verify_budget: str | None = None,
    max_lag: timedelta | str | None = None,
    **settings: Any,
) -> TaskGroup:
    """Return a group that archives one account, then verifies a slice of what is stored, then checks the archive's state.

    Its tasks are `archive`, `verify` (if there is a budget), `status` and `well`. `verify` and `status` run whatever became of
    the tasks before. `well` succeeds if all others did, since Airflow takes the state of the last task for that of the
    Dag. The events of `archive` go to the assets of this archive.

    :param group_id: the group's id, and a name for the account.
    :param bucket: the bucket; no template, since the assets have its name.
    :param prefix: the archive's prefix. One archive holds one account, so each group needs its own.
    :param stablecog_conn_id: the account's connection of type `stablecog`.
    :param aws_conn_id: an existing AWS connection; None for the worker's own credentials.
    :param verify_budget: how much to verify in each run: bytes (`50GB`), a time (`2h`) or images; None for no task `verify`.
    :param max_lag: `status` fails if the newest covered instant is older; None for no limit.
    :param settings: further arguments of `StablecogToS3Operator`, those of every operator among them.
    """
    address = f"s3://{bucket}/{prefix}"
    place: dict[str, Any] = {"bucket": bucket, "prefix": prefix, "aws_conn_id": aws_conn_id}
    account = {**place, "stablecog_conn_id": stablecog_conn_id}
    outlets = [archive_asset(address), manifest_asset(address), *settings.pop("outlets", [])]
    with TaskGroup(group_id, tooltip=f"The archive {address}") as group:
        tasks: list[BaseOperator] = [
            StablecogToS3Operator(task_id="archive", outlets=outlets, **account, **settings),
            StablecogStatusOperator(task_id="status", max_lag=max_lag, trigger_rule="all_done", retries=0, **place),
        ]
        if verify_budget is not None:
            verify = StablecogVerifyOperator(task_id="verify", budget=verify_budget, trigger_rule="all_done", **account)
            tasks.insert(1, verify)
        chain(*tasks)
        tasks >> EmptyOperator(task_id="well")
    return group
