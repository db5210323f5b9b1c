"""The pictures of an archive, by day, and one by one."""
