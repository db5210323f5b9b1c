"""The bucket: listings that lag, kills, and rebuild."""
