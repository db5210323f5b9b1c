"""`make demo`: the archive, end to end, on this machine."""
