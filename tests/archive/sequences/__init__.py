"""Sequences of events that once ended in a loss, a false claim, a dead end or unbounded cost, played with the whole product."""
