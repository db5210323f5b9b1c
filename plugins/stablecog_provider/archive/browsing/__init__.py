"""Looking at an archive: pictures by day, filters, one picture and its history. Reads the bucket alone, and writes nothing."""
