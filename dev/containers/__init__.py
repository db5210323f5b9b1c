"""Builds the container images, runs the compose stack with the engine of this machine, and proves what the files promise."""
