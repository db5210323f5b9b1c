"""Kills and races: runs of the archive in processes that die, pause, or meet."""
