"""Kills and races: runs in processes that are killed, paused, or run at the same time."""
