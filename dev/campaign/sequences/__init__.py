"""Random sequences of events: the whole product in memory, and a world that does to it what the real one may."""
