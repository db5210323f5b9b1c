"""The credentials that the store's requests are signed with, from a boto3 session.

A role's credentials are renewed from 15 minutes before they expire. If that fails, the run continues with those it has, and the
renewal is tried again every minute. Only in their last 2 minutes do requests wait for a renewal.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from ..archive.resilience.retry import RetryPolicy, Sleep
from ..errors import ArchiveError, StoreUnavailable
from .credential_errors import credentials_error, passing_status

if TYPE_CHECKING:
    from obstore.store import S3Credential

SUBJECT = "AWS credentials"
RETRIES = RetryPolicy(attempts=4, patience=120.0, first_wait=1.0, on=(StoreUnavailable,), level=logging.WARNING)
"""On top of boto3's own retries of a single request."""
_ONCE = replace(RETRIES, attempts=1)
_WAIT_BELOW = 120
"""Seconds: with less time left, a request waits for the renewal."""
_USE_ABOVE = 30
"""Seconds: with more time left, credentials are used though their renewal failed."""
_PAUSE = 60.0
_ASK_AGAIN = 300.0
"""Seconds after which credentials that do not say when they expire are asked for again."""
_HANDED_FOR = timedelta(seconds=20)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keys:
    """What a request is signed with. The repr shows none of it."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)


class StoreCredentials:
    """The store client's credential provider. Await `ready` before each request; the client then calls the object.

    - `session`: provides the credentials. It is asked in a thread, because most providers block.
    """

    refresh_threshold = timedelta(0)
    """Read by obstore: how long before `expires_at` it calls again. 5 minutes, if it is not set."""

    def __init__(
        self,
        session: boto3.session.Session,
        *,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._sleep, self._monotonic = session, sleep, monotonic
        self._source: Any = None
        self._current: Keys | None = None
        self._asked = monotonic()
        self._renewing = asyncio.Lock()
        self._failures = 0
        self._failure: Callable[[], ArchiveError] = partial(StoreUnavailable, SUBJECT)
        self._sso_status = 0
        session.events.register("after-call.sso-oidc", self._note_sso_status)

    @property
    def current(self) -> Keys:
        """The credentials that `ready` got."""
        if self._current is None:
            raise RuntimeError("`ready` was not awaited")
        return self._current

    def __call__(self) -> S3Credential:
        """Return the credentials that `ready` got. Called in a thread of obstore, so it must not block."""
        # obstore keeps them for a while, so that not every request needs Python. It must not keep those that are renewed soon.
        kept = _HANDED_FOR if self._lasts(_WAIT_BELOW) else timedelta(0)
        return {
            "access_key_id": self.current.access_key,
            "secret_access_key": self.current.secret_key,
            "token": self.current.token,
            "expires_at": datetime.now(UTC) + kept,
        }

    async def ready(self) -> None:
        """Get the credentials, or renew them if it is time.

        Raises StoreUnavailable if they cannot be had now, and CredentialsRejected or ConfigurationError if never.
        """
        if not self._due() or (self._renewing.locked() and self._lasts(_WAIT_BELOW)):
            return
        failures = self._failures
        async with self._renewing:
            if self._failures > failures and not self._lasts(_USE_ABOVE):
                # Many requests wait here. Each with its own series of attempts, they would take hours to fail.
                raise self._failure()
            if self._due():
                await self._renew()

    async def _renew(self) -> None:
        retries = _ONCE if self._lasts(_WAIT_BELOW) else RETRIES
        try:
            self._current = await retries.call(self._attempt, self._sleep)
        except ArchiveError as error:
            if not self._lasts(_USE_ABOVE):
                self._failures += 1
                # Not the error itself: its traceback would keep the body of a request in memory.
                self._failure = partial(type(error), error.message, hint=error.hint)
                raise
            _log.info("The credentials could not be renewed, and are still valid: %s", error.message)
        finally:
            self._asked = self._monotonic()

    async def _attempt(self) -> Keys:
        self._sso_status = 0
        try:
            return await asyncio.to_thread(self._ask)
        except ArchiveError:
            raise
        except Exception as error:  # Providers run programs and read files, and raise what these raise.
            failure = self._translated(error)
        raise failure

    def _ask(self) -> Keys:
        if self._source is None:
            # An attempt that fails leaves nothing behind: boto3 goes through its providers again.
            self._source = self._session.get_credentials()
        if self._source is None:
            raise self._metadata_error() or NoCredentialsError()
        frozen = self._source.get_frozen_credentials()
        if not (frozen.access_key and frozen.secret_key):
            raise PartialCredentialsError(
                provider=getattr(self._source, "method", "the session"), cred_var="access key or secret"
            )
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)

    def _due(self) -> bool:
        if self._current is None:
            return True
        waited = self._monotonic() - self._asked
        if not hasattr(self._source, "refresh_needed"):
            return waited >= _ASK_AGAIN
        return self._source.refresh_needed() and (waited >= _PAUSE or not self._lasts(_WAIT_BELOW))

    def _lasts(self, seconds: int) -> bool:
        """Return whether there are credentials that are valid for so long."""
        if self._current is None:
            return False
        needed = getattr(self._source, "refresh_needed", None)
        return needed is None or not needed(refresh_in=seconds)

    def _translated(self, error: Exception) -> ArchiveError:
        if isinstance(error, TokenRetrievalError | UnauthorizedSSOTokenError) and passing_status(self._sso_status):
            return StoreUnavailable(f"{SUBJECT}: the SSO token cannot be renewed: SSO answered {self._sso_status}")
        if isinstance(error, CredentialRetrievalError) and error.kwargs.get("provider") == "Ec2InstanceMetadata":
            return self._metadata_error() or credentials_error(error, SUBJECT)
        return credentials_error(error, SUBJECT, profile=self._session.profile_name, program=self._program())

    def _metadata_error(self) -> ArchiveError | None:
        # It needs an HTTP client, which few runs have to import for it.
        from .instance_metadata import metadata_error

        return metadata_error(self._session, SUBJECT)

    def _program(self) -> str:
        try:
            return shlex.split(str(self._session._session.get_scoped_config().get("credential_process", "")))[0]
        except (BotoCoreError, ValueError, IndexError):
            return ""

    def _note_sso_status(self, http_response: Any, **_: object) -> None:
        """Remember how SSO answered: botocore ignores a failed renewal of its token, and then finds the old one expired."""
        self._sso_status = http_response.status_code
