"""Campaigns: the archive on its worst days, with figures. `make campaign` runs them all; tests run a small slice of each."""
