"""Looking at an archive: the manifest as pictures, and previews of them."""
