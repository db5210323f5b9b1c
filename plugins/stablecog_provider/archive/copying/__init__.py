"""Images to the bucket: fetched, checked, stored; how many at once, and when a host is down."""
