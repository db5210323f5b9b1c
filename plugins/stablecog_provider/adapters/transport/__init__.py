"""HTTP for images and their objects, with libcurl: one transfer is a Python object, many share one event loop."""
