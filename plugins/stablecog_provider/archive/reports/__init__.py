"""What a use case reports: for the bucket, for machines, and in sentences for people."""
