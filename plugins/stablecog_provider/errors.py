"""Every error this package raises, by what its reader must do.

::

    ArchiveError
      ConfigurationError        fix the settings; never retried
        CredentialsRejected       the source or the store does not accept the key
        BucketMissing             the bucket does not exist
        AnotherAccount            the source lists nothing that the archive holds
        UnsafeStore               the store ignores conditional writes
      TransientError            retried with backoff, .retry_after honoured; then Airflow's own retry
        RateLimited               the source asks us to slow down
        SourceUnavailable         the source fails, hangs or cannot be reached
        StoreUnavailable          the store fails, hangs or cannot be reached
      ItemError                 one image or output: recorded in the manifest, the run goes on
        ImageGone                 the source no longer has the image
        ImageRejected             what came is not the image that was promised
        ImageRefused              the image's address is not one we may ask
        OutputUnreadable          an output lacks a field that the archive cannot do without
      FatalError                the source or the bucket is not what it claims: stop, checkpoint unmoved
        SourceContradiction       the source broke its own rules (a page without an end, a cursor that loops)
        ArchiveDamaged            checkpoint or manifest cannot be read, or is not there
          ArchiveTooNew             a newer version of this program wrote it
        ProofDiffers              everything was saved, and the source still counts otherwise

Each carries `hint`, one sentence that says what to do, and says it in `str()`.
"""

from __future__ import annotations


class ArchiveError(Exception):
    """The root: `message` names the thing and the cause, `hint` what to do about it."""

    default_hint = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message} -> {self.hint}" if self.hint else self.message


class ConfigurationError(ArchiveError):
    """A setting is wrong; running again changes nothing until it is fixed."""


class CredentialsRejected(ConfigurationError):
    """The source or the store answered that the key is not good."""


class BucketMissing(ConfigurationError):
    """The bucket does not exist, or not for these credentials."""


class AnotherAccount(ConfigurationError):
    """The source lists nothing that the manifest holds: most likely the key is another account's. Nothing was written."""

    default_hint = (
        "check the API key, and archive another account under another prefix; if it is the same account and what was "
        "archived was deleted there, say --allow-account-mismatch once"
    )


class UnsafeStore(ConfigurationError):
    """The store ignores conditional writes, so that two runs at once could overwrite each other."""


class TransientError(ArchiveError):
    """It may work later. `retry_after` is in seconds, where the other side named it."""

    default_hint = "nothing is lost; it is tried again, and a later run continues where this one stopped"

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RateLimited(TransientError):
    """429."""


class SourceUnavailable(TransientError):
    """The source (its API or its image host) failed, hung, or could not be reached."""


class StoreUnavailable(TransientError):
    """The object store failed, hung, or could not be reached."""


class ItemError(ArchiveError):
    """One output or one image; it becomes a row in the manifest and never stops a run."""


class ImageGone(ItemError):
    """404 or 410: the row becomes `gone`."""

    default_hint = "its row stays as the record that it was there; nothing more can be done"


class ImageRejected(ItemError):
    """Truncated, empty, too large, or not an image: the row becomes `failed`."""

    default_hint = "later runs try it again by themselves; where it stays so, look at the address in its row"


class ImageRefused(ItemError):
    """The address is not https on an allowed host: the row becomes `failed`, and nothing was asked."""

    default_hint = "if the host is right, name it with --image-host (extra `image_hosts` of the connection)"


class OutputUnreadable(ItemError):
    """The output with `output_id` lacks or garbles `field`, without which it cannot be archived."""

    def __init__(self, output_id: str | None, field: str, reason: str) -> None:
        super().__init__(f"output {output_id or '(no id)'}: field {field}: {reason}")
        self.output_id = output_id
        self.field = field
        self.reason = reason


class FatalError(ArchiveError):
    """Going on could do harm; the checkpoint has not moved."""


class SourceContradiction(FatalError):
    """The source breaks the rules that a complete reading rests on."""


class ArchiveDamaged(FatalError):
    """A document of the archive itself cannot be read, or is not there."""


class ArchiveTooNew(ArchiveDamaged):
    """A newer version of this program wrote it: it is whole, and not for this version to touch."""

    default_hint = "upgrade airflow-provider-stablecog; nothing was changed"


class ProofDiffers(FatalError):
    """Raised by surfaces whose only way to fail is an exception: all is saved, but the counts do not agree."""
