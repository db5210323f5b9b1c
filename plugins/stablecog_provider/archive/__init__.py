"""The story of the archive, told over ports: walk, transfer, commit, prove."""
