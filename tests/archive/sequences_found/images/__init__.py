"""Images and their hosts."""
