"""The archive under kills, races, faults, damage and attacks, with figures. Tests run a small slice of each section."""
