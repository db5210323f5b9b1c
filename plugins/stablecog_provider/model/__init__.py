"""Pure values: what the archive talks about. No IO, no clock, no third-party import."""
