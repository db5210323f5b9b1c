"""The version of this package, and of the distribution that is built from it."""

__version__ = "0.1.0"
COMMAND = f"stablecog-archive {__version__}"
"""What `stablecog-archive --version` prints."""
