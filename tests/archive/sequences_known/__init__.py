"""Sequences of which the archive does not hold what it should yet: each is expected to fail, and is to be fixed."""
