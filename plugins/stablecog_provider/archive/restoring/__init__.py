"""From the archive to files or to another archive: what is selected, how files are named, and how they get there whole."""
