"""An archive of a Stablecog account's generation outputs: every image in S3, one Parquet manifest, proven complete."""

__version__ = "0.1.0"
