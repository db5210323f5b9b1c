"""The manifest as a table of another kind, beside the archive: which partitions it lacks, and what a forget leaves in it."""
