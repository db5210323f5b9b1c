"""`make engines`: ten questions to the manifest, asked of every engine that readers are likely to use."""
