"""moto, as the AWS of a documented command."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import boto3
import httpx


@dataclass(frozen=True)
class Cloud:
    """moto, as an AWS of its own."""

    endpoint: str

    def environ(self, user: tuple[str, str] = ("testing", "testing")) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))}
        return own | {
            "AWS_ACCESS_KEY_ID": user[0],
            "AWS_SECRET_ACCESS_KEY": user[1],
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        return boto3.Session("testing", "testing", region_name="us-east-1").client(service, endpoint_url=self.endpoint)

    def enforce(self, policies: bool) -> None:
        """Whether requests need a policy that allows them."""
        body = b"0" if policies else b"1e9"
        httpx.post(f"{self.endpoint}/moto-api/reset-auth", content=body, trust_env=False).raise_for_status()

    def user(self, name: str, policy: dict[str, Any]) -> tuple[str, str]:
        """The keys of a new user who may do what `policy` says."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="archive", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]
