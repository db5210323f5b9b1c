"""Is everything safe, what to do, how fresh: archives, their runs and reports."""
