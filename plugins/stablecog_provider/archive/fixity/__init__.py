"""The images in the bucket, compared with the manifest.

A row also names the images in `earlier_images`. Images are written before their rows, so a run at work, or one that was killed,
leaves images that no row names yet.
"""
