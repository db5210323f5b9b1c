"""The API and the image hosts on their worst days."""
