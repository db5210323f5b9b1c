"""Rows to the bucket: what the manifest holds, the pipeline that adds to it, and the checkpoint."""
