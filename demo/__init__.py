"""What the demo and the tests run beside the archive: real servers on this machine, bounded in time."""
