"""Every error that this package raises, by what the reader must do.

::

    ArchiveError
      ConfigurationError        fix the settings; never retried
        CredentialsRejected       the source or the store does not accept the key
        BucketMissing             the bucket does not exist
        ObjectInArchiveClass      the object must be restored in S3 before it can be read
        AnotherAccount            the source does not list what the archived account lists
        UnsafeStore               the store ignores conditional writes
        FolderUnusable            the folder to restore to is full, or cannot be read or written
      TransientError            retried with backoff, .retry_after honoured; then Airflow's own retries
        RateLimited               the source asks us to slow down
        SourceUnavailable         the source fails, hangs or cannot be reached
        StoreUnavailable          the store fails, hangs or cannot be reached
        LocalLimit                this machine has no file descriptor, memory or disk space left for an image
      ItemError                 one image or output: recorded in the manifest, the run continues
        ImageGone                 the image host answered 404 or 410
        ImageRejected             the response is not a whole image of an allowed size
          ImageDenied               the image host answered with another 4xx status
        ImageRefused              the image's address is not on an allowed host
        ImageHostDown             the image was not tried, because its host is down
        OutputUnreadable          an output lacks a field that the archive needs
      FatalError                the source or the bucket is not what it claims to be: the run stops
        SourceContradiction       the source broke its own rules (a page without an end, a cursor that loops)
        ArchiveDamaged            the checkpoint or the manifest is unreadable or missing
          PartitionDamaged          one partition cannot be read; a run skips its day
          ArchiveTooNew             a newer version of this program wrote it
        ProofDiffers              everything was saved, but the counts differ

Each has a `hint`, the next step in one sentence; `str()` includes it.
"""

from __future__ import annotations


class ArchiveError(Exception):
    """The root. `message` names the thing and the cause; `hint` is the next step."""

    default_hint = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message} -> {self.hint}" if self.hint else self.message


class ConfigurationError(ArchiveError):
    """A setting is wrong. Running again changes nothing until it is fixed."""


class CredentialsRejected(ConfigurationError):
    """The source or the store does not accept the key."""


class BucketMissing(ConfigurationError):
    """The bucket does not exist, or these credentials cannot see it."""


class ObjectInArchiveClass(ConfigurationError):
    """The object is in an archive storage class (Glacier): it must be restored in S3 before it can be read."""


class AnotherAccount(ConfigurationError):
    """The source does not list what the archived account lists: most likely the key belongs to another account."""

    default_hint = (
        "check the API key, and archive another account under another prefix; if it is the same account and its archived "
        "outputs were deleted there, pass --allow-account-mismatch once"
    )


class UnsafeStore(ConfigurationError):
    """The store ignores conditional writes, so two concurrent runs could overwrite each other."""


class FolderUnusable(ConfigurationError):
    """The folder to restore to is full, or cannot be read or written. Every file that is in it is whole."""

    default_hint = (
        "free space or allow access, or name another folder, and repeat the command: it goes on where it stopped"
    )


class TransientError(ArchiveError):
    """It may work later. `retry_after`: seconds to wait, if the other side named a time."""

    default_hint = "nothing is lost; the next run continues where this one stopped"

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RateLimited(TransientError):
    """The source or the image host answered 429."""


class SourceUnavailable(TransientError):
    """The source (its API or its image host) failed, hung, or could not be reached."""


class StoreUnavailable(TransientError):
    """The object store failed, hung, or could not be reached."""


class LocalLimit(TransientError):
    """This machine has no file descriptor, memory or disk space left: no image host is to blame."""


class ItemError(ArchiveError):
    """One output or one image failed. Its row in the manifest records it; the run continues."""


class ImageGone(ItemError):
    """404 or 410: the row becomes `gone` if the host serves other images. Later runs request it again at growing intervals."""

    default_hint = "later runs request it again at growing intervals; --retry-failed requests it now"


class ImageRejected(ItemError):
    """Truncated, empty, too large, or not an image: the row becomes `failed`."""

    default_hint = "later runs retry it; if it keeps failing, open the address in its row (`source_url`)"


class ImageDenied(ImageRejected):
    """The host answered with another error than 404 or 410, for example 403: the row becomes `failed`. If its output was deleted
    at the source, it becomes `gone`, as after a 404.
    """


class ImageRefused(ItemError):
    """The address is not https on an allowed host, or its certificate or the proxy forbids it: the row becomes `failed`."""

    default_hint = "if the host is right, allow it with --image-host (connection extra `image_hosts`)"


class ImageHostDown(ItemError):
    """The image host is down: this image was not tried. A later run retries it."""

    default_hint = "later runs retry it; images of other hosts are not affected"


class OutputUnreadable(ItemError):
    """`field` of the output `output_id` is missing or garbled, and the output cannot be archived without it."""

    def __init__(self, output_id: str | None, field: str, reason: str) -> None:
        super().__init__(f"output {output_id or '(no id)'}: field {field}: {reason}")
        self.output_id = output_id
        self.field = field
        self.reason = reason


class FatalError(ArchiveError):
    """Continuing could do harm, so the run stops. Everything committed before is kept."""


class SourceContradiction(FatalError):
    """The source breaks a rule that complete reading depends on."""


class ArchiveDamaged(FatalError):
    """The checkpoint or a partition is unreadable or missing."""


class PartitionDamaged(ArchiveDamaged):
    """One object of the manifest is not a partition of this archive. A run skips its day and archives what else is new."""


class ArchiveTooNew(ArchiveDamaged):
    """A newer version of this program wrote it. It is intact, and this version must not change it."""

    default_hint = "upgrade airflow-provider-stablecog; nothing was changed"


class ProofDiffers(FatalError):
    """Everything is saved, but the counts differ. Raised only if an exception is needed to report that (Airflow)."""
