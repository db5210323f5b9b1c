"""Injuries of stored images and their rows, found and repaired by verify."""
