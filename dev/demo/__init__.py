"""`make demo`: the archive at work, end to end, on this machine."""
