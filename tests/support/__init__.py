"""What tests of several rooms share: worlds, documents, rows, servers."""
