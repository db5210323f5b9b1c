"""The store on its worst days."""
