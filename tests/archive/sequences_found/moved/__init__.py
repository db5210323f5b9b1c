"""An archive that was moved, and objects that were moved to another storage class."""
